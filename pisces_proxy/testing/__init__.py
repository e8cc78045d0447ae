"""For authors of plugins: contracts as tests. Subclass one in a test module and say what it is to test."""

from __future__ import annotations

import pytest

# so that a broken promise is told with its values, as in a test module
_PARTS = ("accounts", "audits", "crashes", "endings", "histories", "money", "quotas", "records", "replays", "tasks")
pytest.register_assert_rewrite(*(f"{__name__}.{part}" for part in _PARTS))

from .accounts import AccountContract  # noqa: E402
from .audits import AuditContract  # noqa: E402
from .crashes import ProcessContract  # noqa: E402
from .endings import EndingContract  # noqa: E402
from .histories import HistoryContract  # noqa: E402
from .money import MoneyContract  # noqa: E402
from .plans import Played, got, run_plan  # noqa: E402
from .quotas import QuotaContract  # noqa: E402
from .records import RecordContract  # noqa: E402
from .replays import ReplayContract  # noqa: E402
from .samples import FULL_KEY, FULL_RECORD  # noqa: E402
from .tasks import TaskContract  # noqa: E402

__all__ = ["FULL_KEY", "FULL_RECORD", "Played", "StorageContract", "got", "run_plan"]


class StorageContract(
    AccountContract,
    AuditContract,
    RecordContract,
    MoneyContract,
    QuotaContract,
    ReplayContract,
    EndingContract,
    ProcessContract,
    HistoryContract,
    TaskContract,
):
    """What every storage must do.

    class TestMine(StorageContract):
        factory = "my_plugin:pisces_storage"      # the hook itself, found again in other processes

        @pytest.fixture
        def url(self, tmp_path):                  # an empty database that several processes can open
            return f"mine://{tmp_path}"

        @pytest.fixture
        def unusable_urls(self, tmp_path): ...    # databases that cannot be used: damaged, not there, read-only

        @pytest.fixture
        def older_urls(self, tmp_path): ...       # as earlier versions left them, each with FULL_KEY and FULL_RECORD
    """
