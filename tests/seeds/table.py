"""Which test shows which item of the published documents' promises (S0 to S4), and which items are not the API's.

A row: ids (with ranges), what they are about in a few words, and the tests, each as `folder/file::test` below `tests`.
"""

from __future__ import annotations

COUNTS = {"S0": 49, "S1": 80, "S2": 85, "S3": 90, "S4": 36}

_HUB, _SDK, _HTTP = "seeds/test_hub", "seeds/test_docs_sdk", "seeds/test_docs_http"
_MANUAL, _CUSTOMER, _PICCC = "seeds/test_manual", "seeds/test_customer", "seeds/test_piccc"
_QUICK = f"{_HUB}::test_the_quick_start_is_answered_in_the_published_shape"
_SNIPPETS = f"{_HUB}::test_the_python_snippets_run_from_the_first_line_to_the_last"
_KEYS = f"{_HUB}::test_a_key_is_taken_wherever_clients_put_it"
_WHOLE_SDK = f"{_SDK}::test_the_whole_sdk_sample_runs"
_REQUESTS = f"{_HTTP}::test_the_sample_with_requests_runs_from_the_first_line_to_the_last"
_NODE = f"{_HTTP}::test_the_samples_for_node_print_what_they_should"
_CURL = f"{_HTTP}::test_the_curl_samples_are_answered"
_PHP = f"{_HTTP}::test_phps_file_get_contents_is_answered_and_let_go"
_CAUGHT = f"{_SDK}::test_the_error_sample_catches_each_error_as_its_own_exception"
_CHAINS = f"{_SDK}::test_langchains_chains_are_answered"
_HAPPY = f"{_CUSTOMER}::test_a_happyhorse_is_taken_in_and_comes_to_its_end"
_HAPPY_VENDOR = "sdk/test_customer_document::test_a_happyhorse_runs_as_the_document_says"
_SEEDANCE = f"{_CUSTOMER}::test_a_seedance_is_polled_in_its_own_words"
_VOICE = f"{_CUSTOMER}::test_a_voice_speaks_wav_into_a_file"
_VOICE_VENDOR = "sdk/test_customer_document::test_a_voice_speaks_as_the_document_says"
_SWITCH = f"{_CUSTOMER}::test_models_of_one_kind_are_switched_by_name"
_IMAGE_TASK = f"{_PICCC}::test_an_image_task_is_taken_in_at_once_and_can_be_looked_at"
_FILM_TASK = f"{_PICCC}::test_a_video_task_shows_its_progress_and_ends_in_a_film"
_SPEC = "admin/test_spec"
_REFUSALS = "sdk/test_around::test_a_refusal_is_raised_as_the_sdks_own_class"
_DRAWN_AS_TEXT = "sdk/gemini/test_media::test_a_channel_may_give_pictures_as_text"

ROWS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    # -- S0: the docs hub
    ("S0-1", "one entrance for three families", ("sdk/test_process::test_every_sdk_gets_an_answer_from_an_empty_folder", "sdk/test_pairs::test_a_text")),
    ("S0-2", "keys, bills, routes, traces, streams in one", (_QUICK, "money/test_money::test_a_request_costs_what_the_upstream_counted_at_the_price_in_force")),
    ("S0-3", "chat completions", (_QUICK,)),
    ("S0-4", "tools in chats", ("sdk/test_pairs::test_a_tool_round_trip", "sdk/test_runners::test_openais_tool_runner_finishes")),
    ("S0-5", "streams", (_SNIPPETS,)),
    ("S0-6", "OpenAI's SDKs", (_SNIPPETS, _NODE)),
    ("S0-7", "messages", (_KEYS, f"{_CUSTOMER}::test_claude_answers_text_first")),
    ("S0-8", "bodies of messages are translated", ("sdk/test_pairs::test_a_text", "sdk/test_pairs::test_an_image")),
    ("S0-9", "tools are translated", ("sdk/test_pairs::test_a_tool_round_trip", "sdk/test_pairs::test_parallel_tools")),
    ("S0-10", "streams are translated", ("laws/test_pairs::test_streamed_or_not_an_answer_says_the_same", "laws/test_pairs::test_an_answer_keeps_its_essence_from_wire_to_wire")),
    ("S0-11", "generateContent", (_KEYS,)),
    ("S0-12", "streamGenerateContent", (f"{_HUB}::test_gemini_streams",)),
    ("S0-13..17", "where a key may stand", (_KEYS, "gateway/test_requests::test_every_place_for_a_key_works_on_every_route_and_none_reaches_the_upstream")),
    ("S0-18", "a dash in a key", ("core/test_auth::test_a_key_is_found_wherever_clients_put_it",)),
    ("S0-20", "a tag in brackets", (_QUICK, _KEYS, "core/test_paths::test_a_model_in_the_path_may_hold_slashes_brackets_and_colons")),
    ("S0-21", "one shape of answers", (_QUICK, "gateway/test_requests::test_every_answer_carries_its_request_id_and_the_pisces_object")),
    ("S0-22", "one shape of errors", ("gateway/test_requests::test_a_missing_key_is_a_401_in_the_dialect_of_the_route",)),
    ("S0-23..28", "the pisces object", (_QUICK, "gateway/test_requests::test_every_answer_carries_its_request_id_and_the_pisces_object")),
    ("S0-29", "SDKs read past it", (_SNIPPETS, "gateway/test_requests::test_the_pisces_object_can_be_switched_off")),
    ("S0-30", "it is in every answer", (_KEYS, "sdk/test_seed_media::test_every_answer_has_the_gateways_member_but_for_sound_which_has_headers")),
    ("S0-31", "the sample answer", (_QUICK,)),
    ("S0-32 S0-33", "the spec and its matrix", (f"{_SPEC}::test_the_matrix_is_the_running_routes",)),
    ("S0-35..38", "guide: keys, limits, retries, idempotency", (f"{_SPEC}::test_the_lists_say_what_holds_here", "money/test_idempotency::test_a_finished_answer_is_replayed_byte_for_byte_and_charged_once")),
    ("S0-39", "charged once", ("money/test_idempotency::test_a_finished_answer_is_replayed_byte_for_byte_and_charged_once", "tasks/test_engine::test_the_same_request_again_makes_no_second_task")),
    ("S0-40", "tracing", (f"{_SPEC}::test_the_lists_say_what_holds_here", "sdk/test_pairs::test_the_request_id_is_the_records")),
    ("S0-41", "the table of errors", (f"{_SPEC}::test_the_error_table_has_every_class_in_every_protocol",)),
    ("S0-44 S0-45", "the Python snippets, a slash behind the base URL", (_SNIPPETS,)),
    ("S0-46", "chunks always have a choice", (_SNIPPETS, "plugins/openai/test_chat_writer::test_no_chunk_is_without_a_choice_unless_usage_was_asked_for")),
    ("S0-47", "a picture by URL", (_SNIPPETS, "sdk/test_openai_media::test_playground_v3_answers_with_a_url")),
    ("S0-48", "an edit of a list of files", (_SNIPPETS, "sdk/test_openai_media::test_gpt_image_1_edits_a_list_of_files")),
    ("S0-49", "names keep their case", (_SNIPPETS, "core/test_routing::test_a_model_matches_as_sent_then_without_regard_to_case")),
    # -- S1: the older documentation
    ("S1-1 S1-3 S1-4 S1-6", "base URL, bearer, models of three vendors", (f"{_SDK}::test_the_basic_sample_prints_an_answer", f"{_MANUAL}::test_models_of_all_vendors_are_a_matter_of_the_name")),
    ("S1-5", "text, pictures, speech", (_WHOLE_SDK, _VOICE)),
    ("S1-12", "a quota of a key", ("money/test_money::test_a_keys_own_quota_holds_also_for_an_unlimited_account",)),
    ("S1-13 S1-14", "prices and badges", (f"{_SPEC}::test_models_are_told_with_prices_and_badges_and_without_what_they_cost_us",)),
    ("S1-15..17", "the named models", (f"{_SDK}::test_sillytavern_fills_its_drop_down_and_tests_a_message", _WHOLE_SDK, _REQUESTS)),
    ("S1-18..22 S1-24 S1-34", "chat and its parameters", (_CURL, f"{_SDK}::test_the_basic_sample_prints_an_answer", f"{_HTTP}::test_the_fetch_sample_prints_an_answer")),
    ("S1-23 S1-29", "streams", (f"{_SDK}::test_the_streaming_sample_prints_a_poem", _CURL)),
    ("S1-25..28", "parts: text, pictures, documents by URL", (f"{_SDK}::test_an_image_url_may_be_a_plain_string_and_a_file_url_a_document", "core/test_fetch::test_urls_that_point_inside_are_refused_naming_the_part")),
    ("S1-30..32", "the lines of a stream", (_CURL, _NODE, _REQUESTS)),
    ("S1-33", "usage in an answer", (_REQUESTS,)),
    ("S1-35 S1-36", "the key in the body alone", (_REQUESTS, _NODE)),
    ("S1-37 S1-39", "PHP", (_PHP, f"{_HTTP}::test_the_php_sample_prints_an_answer")),
    ("S1-38", "that key goes nowhere", ("core/test_auth::test_the_key_in_a_body_is_taken_out_of_it", "money/test_idempotency::test_the_key_in_the_body_does_not_count_as_another_body")),
    ("S1-40..45", "generations and their parameters", (f"{_SDK}::test_flux_draws_every_size_quality_and_number_of_the_table", _CURL)),
    ("S1-46", "URL or data", (_REQUESTS, "plugins/openai/test_images_stream::test_a_picture_is_told_as_url_or_data_never_both_never_null")),
    ("S1-47", "an edit of one file", (_WHOLE_SDK, "sdk/test_seed_media::test_an_edit_by_form_keeps_its_size")),
    ("S1-48", "an edit as JSON", (_REQUESTS, "sdk/test_openai_media::test_an_edit_as_json_reaches_the_upstream_as_a_form")),
    ("S1-49", "an edit gives data", (_WHOLE_SDK, "sdk/test_openai_media::test_gpt_image_behind_a_chat_gives_data_all_the_same")),
    ("S1-50 S1-52", "a mask, a size", (f"{_SDK}::test_an_edit_takes_a_size_and_a_mask", "sdk/test_seed_media::test_an_edit_by_form_keeps_its_size")),
    ("S1-51", "a picture's URL needs no key", (f"{_SDK}::test_a_generated_image_can_be_fetched_by_its_url_without_a_key",)),
    ("S1-53", "speech", (_VOICE,)),
    ("S1-54..57", "SillyTavern", (f"{_SDK}::test_sillytavern_fills_its_drop_down_and_tests_a_message",)),
    ("S1-61", "the SDK for Python", (_WHOLE_SDK,)),
    ("S1-62", "the SDK for Node", (_NODE,)),
    ("S1-63", "variables of the environment", (f"{_SDK}::test_key_and_address_come_from_the_environment",)),
    ("S1-64 S1-66..68", "LangChain's chats", (_CHAINS,)),
    ("S1-65", "LangChain with a header of its own", (f"{_SDK}::test_langchains_sample_with_a_header_of_its_own_is_told_what_to_take_out", "gateway/test_requests::test_the_langchain_sample_is_told_cause_and_cure")),
    ("S1-69", "agents that stop", (f"{_SDK}::test_langchains_agent_comes_to_its_final_answer", "plugins/demo/test_answers::test_a_react_prompt_gets_a_final_answer")),
    ("S1-70", "retrieval", (_CHAINS, "media/test_texts::test_langchains_defaults_work_on_every_upstream")),
    ("S1-71 S1-72", "plain HTTP in four languages", (_REQUESTS, _NODE, _CURL, _PHP)),
    ("S1-73 S1-74 S1-76..78", "each status its own exception", (_CAUGHT, _REFUSALS)),
    ("S1-75", "an empty balance is a 403", ("money/test_money::test_an_empty_balance_is_refused_before_the_upstream_hears_of_it",)),
    ("S1-79", "errors are JSON", (_NODE,)),
    # -- S2: the manual
    ("S2-1..7", "models of all vendors by their names", (f"{_MANUAL}::test_models_of_all_vendors_are_a_matter_of_the_name", f"{_MANUAL}::test_the_list_of_models_has_the_published_shape")),
    ("S2-8 S2-26..29", "chat, as JSON in UTF-8", (f"{_MANUAL}::test_the_chat_sample_is_answered_in_its_language",)),
    ("S2-9", "images", (f"{_MANUAL}::test_the_image_sample_draws_although_it_asks_for_hd", "sdk/test_studios::test_kontext_edits_a_picture")),
    ("S2-10", "transcription", (f"{_MANUAL}::test_a_sound_is_transcribed",)),
    ("S2-11", "embeddings", (f"{_MANUAL}::test_the_embeddings_sample_is_answered",)),
    ("S2-12", "function calling", ("sdk/test_pairs::test_a_tool_round_trip",)),
    ("S2-13", "streams", (f"{_MANUAL}::test_the_streaming_sample_of_python_prints_the_answer",)),
    ("S2-14 S2-30..37", "every parameter of the table", (f"{_MANUAL}::test_every_parameter_of_the_table_is_taken",)),
    ("S2-15", "responses", (f"{_MANUAL}::test_the_responses_endpoint_is_there",)),
    ("S2-16..19", "what is not served says so", ("gateway/test_unserved::test_what_is_not_served_is_a_404_that_says_what_to_do",)),
    ("S2-38", "chat in the languages that are here", (f"{_MANUAL}::test_the_chat_sample_is_answered_in_its_language", _NODE, _PHP)),
    ("S2-39", "the sample answer", (f"{_MANUAL}::test_the_chat_sample_is_answered_in_its_language",)),
    ("S2-40..44", "legacy completions", (f"{_MANUAL}::test_legacy_completions_are_answered",)),
    ("S2-45..47", "embeddings and their formats", (f"{_MANUAL}::test_the_embeddings_sample_is_answered",)),
    ("S2-48", "their samples", (f"{_MANUAL}::test_the_embeddings_samples_of_python_agree",)),
    ("S2-49..55", "images and both words for quality", (f"{_MANUAL}::test_the_image_sample_draws_although_it_asks_for_hd", "sdk/test_seed_media::test_dall_es_words_are_translated_for_gpt_image_and_what_is_lost_is_listed")),
    ("S2-56..62", "transcription in every format", (f"{_MANUAL}::test_a_sound_is_transcribed", "sdk/test_openai_media::test_every_field_arrives")),
    ("S2-63", "the list of models", (f"{_MANUAL}::test_the_list_of_models_has_the_published_shape",)),
    ("S2-64..68", "streams, line by line", (f"{_MANUAL}::test_the_streaming_sample_of_python_prints_the_answer", f"{_MANUAL}::test_the_streaming_sample_of_javascript_prints_the_answer")),
    ("S2-69 S2-70 S2-73", "the body of an error", (f"{_MANUAL}::test_errors_have_the_published_body",)),
    ("S2-71", "no money, where a profile says 429", ("money/test_money::test_a_reload_takes_over_prices_and_what_a_refusal_says",)),
    ("S2-72 S2-74 S2-75", "codes of errors", (_REFUSALS, f"{_SPEC}::test_the_error_table_has_every_class_in_every_protocol")),
    ("S2-76", "the error sample", (f"{_MANUAL}::test_the_error_sample_tells_errors_apart",)),
    ("S2-78", "the retry sample", (f"{_MANUAL}::test_the_retry_sample_gets_through",)),
    ("S2-81..84", "limits and their 429", ("core/test_limits::test_a_keys_own_limits_come_before_the_defaults", "money/test_money::test_of_two_hundred_clients_at_once_exactly_as_many_pass_as_the_limit_says")),
    # -- S3: the customer's document
    ("S3-1 S3-8", "one key for all kinds", (_SWITCH, _VOICE)),
    ("S3-3 S3-4", "base URL, three ways to send a key", (_KEYS,)),
    ("S3-5..7", "the list of models tries a key", (f"{_CUSTOMER}::test_the_first_call_shows_that_key_and_platform_work",)),
    ("S3-9..12", "Claude", (f"{_CUSTOMER}::test_claude_answers_text_first",)),
    ("S3-13 S3-29 S3-83", "clients wait 120 and 180 seconds", ("gateway/test_pitfalls::test_h148_each_deadline_is_the_channels_own",)),
    ("S3-14 S3-16..20", "texts of many vendors", (_SWITCH,)),
    ("S3-15", "OpenAI's SDK", (f"{_CUSTOMER}::test_the_openai_sample_of_python_prints_the_answer",)),
    ("S3-21..25", "Gemini without roles", (f"{_CUSTOMER}::test_gemini_answers_contents_without_a_role",)),
    ("S3-26", "Gemini streams in both forms", (f"{_HUB}::test_gemini_streams",)),
    ("S3-27 S3-28", "gpt-image-2", (f"{_CUSTOMER}::test_gpt_image_gives_base64",)),
    ("S3-30 S3-31", "Gemini draws", (f"{_CUSTOMER}::test_gemini_draws_a_blue_disc",)),
    ("S3-32", "its pictures as text", (_DRAWN_AS_TEXT, "sdk/gemini/test_media::test_a_key_may_want_pictures_as_text")),
    ("S3-33..48", "Happyhorse: four models and their parameters", (_HAPPY, _HAPPY_VENDOR)),
    ("S3-49", "the length that is billed", ("sdk/test_customer_document::test_an_edit_is_held_at_what_the_client_says_and_billed_as_the_vendor_does",)),
    ("S3-50 S3-51", "public links only", (f"{_CUSTOMER}::test_media_must_be_public", "sdk/test_customer_document::test_media_must_be_public_links")),
    ("S3-52..58", "what is told of a task", (_HAPPY,)),
    ("S3-59", "its statuses", ("tasks/test_facades::test_failures_and_cancellations_have_their_words_in_every_dialect",)),
    ("S3-60..70", "Seedance", (_SEEDANCE, "sdk/test_customer_document::test_seedance_runs_as_the_document_says")),
    ("S3-71", "its failures", ("tasks/test_facades::test_failures_and_cancellations_have_their_words_in_every_dialect",)),
    ("S3-72", "each dialect shows all tasks", (_SEEDANCE, "tasks/test_facades::test_a_task_is_started_in_every_dialect_and_read_in_every_other")),
    ("S3-73..78 S3-81", "three voices", (_VOICE, _VOICE_VENDOR)),
    ("S3-79 S3-80", "format and speed", (f"{_CUSTOMER}::test_a_voice_takes_format_and_speed",)),
    ("S3-82", "an error is never a sound", (f"{_CUSTOMER}::test_a_voice_takes_format_and_speed", "sdk/test_openai_media::test_an_error_is_json_whatever_was_asked_for")),
    ("S3-84..88", "thinking, asked for and not", (f"{_CUSTOMER}::test_thinking_comes_where_it_was_asked_for_and_only_there", "sdk/test_pairs::test_a_thinking_round_trip")),
    # -- S4: the open API
    ("S4-1 S4-9", "chat, pictures, films", (f"{_PICCC}::test_the_openai_sample_is_answered_under_the_public_name", f"{_PICCC}::test_the_openai_sample_streams_where_it_is_asked_to")),
    ("S4-2", "by polling, by webhook", (_IMAGE_TASK, "tasks/test_webhooks::test_the_end_of_a_task_is_told_in_a_way_that_can_be_verified")),
    ("S4-4 S4-5", "a key is shown once, with a prefix of one's own", ("cli/test_keys_cli::test_the_secret_is_printed_once_and_never_again", "cli/test_keys_cli::test_the_prefix_and_the_database_are_the_configurations", "gateway/test_requests::test_a_test_key_is_served_by_the_demo_only")),
    ("S4-6 S4-7", "X-API-Key everywhere", (f"{_PICCC}::test_x_api_key_is_taken_on_every_endpoint",)),
    ("S4-8", "public names", (f"{_PICCC}::test_the_openai_sample_is_answered_under_the_public_name",)),
    ("S4-10 S4-11", "messages with a bearer", (f"{_PICCC}::test_the_anthropic_sample_is_answered_to_a_bearer",)),
    ("S4-12..17 S4-24..28", "image tasks", (_IMAGE_TASK,)),
    ("S4-18..23", "video tasks", (_FILM_TASK,)),
    ("S4-29..31", "lists of tasks", (f"{_PICCC}::test_tasks_are_listed_by_type_and_status_and_in_pages",)),
    ("S4-32", "when to look again", (_FILM_TASK, "tasks/test_engine::test_looks_never_reach_the_upstream_nor_count_against_the_limits")),
    ("S4-33", "webhooks by https", (f"{_PICCC}::test_a_webhook_must_be_https", "tasks/test_webhooks::test_a_webhook_leads_outside_by_https")),
    ("S4-34", "signed, and sent again", ("tasks/test_webhooks::test_the_end_of_a_task_is_told_in_a_way_that_can_be_verified", "tasks/test_webhooks::test_a_receiver_that_fails_is_asked_again_under_the_same_id")),
    ("S4-35", "its owner alone sees a task", ("tasks/test_engine::test_only_its_owner_sees_a_task",)),
    ("S4-36", "ids", (_IMAGE_TASK,)),
)  # fmt: skip

LEFT_OUT: tuple[tuple[str, str], ...] = (
    ("S0-19 S0-34 S0-42 S0-43", "the docs site fills and shows these; it reads /api/public/spec"),
    ("S1-2", "the docs' languages"),
    ("S1-7", "advice to clients"),
    ("S1-8..11", "pages of the console"),
    ("S1-58..60 S1-80", "advice, questions and guides of the docs site"),
    ("S2-20..24", "pages of the console"),
    ("S2-25", "several public names of one service: a matter of DNS"),
    ("S2-77 S2-79 S2-80", "advice to clients"),
    ("S2-85", "a contact on the docs site"),
    ("S3-2 S3-89 S3-90", "how the docs are written; the machine-readable part is /api/public/spec"),
    ("S4-3", "a page of the console"),
)
