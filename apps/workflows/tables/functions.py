"""What may stand before an opening bracket in a statement.

Functions are allowed by name: they compute from their arguments, read no files, no catalogue and no settings, run no
SQL that comes as a text, and wait for nothing. PostgreSQL documentation, chapter 9.
"""

from __future__ import annotations

from typing import Final

_MATHS = """
abs ceil ceiling cbrt degrees div exp factorial floor gcd lcm ln log log10 min_scale mod power pi radians round scale
sign sqrt trim_scale trunc width_bucket random acos asin atan atan2 cos cot sin tan sinh cosh tanh
"""
_TEXT = """
ascii bit_length btrim char_length character_length chr concat concat_ws format initcap left length lower ltrim md5
normalize octet_length overlay parse_ident position quote_ident quote_literal quote_nullable regexp_count regexp_instr
regexp_like regexp_match regexp_matches regexp_replace regexp_split_to_array regexp_split_to_table regexp_substr
replace reverse right rtrim split_part starts_with string_to_array string_to_table strpos substr substring to_hex
translate trim unistr upper encode decode sha224 sha256 sha384 sha512 unaccent
"""
_TIME = """
age clock_timestamp date_bin date_part date_trunc extract isfinite justify_days justify_hours justify_interval
make_date make_interval make_time make_timestamp make_timestamptz now statement_timestamp timeofday to_timestamp
to_char to_date to_number transaction_timestamp timezone
"""
_JSON = """
to_json to_jsonb array_to_json row_to_json json_build_array jsonb_build_array json_build_object jsonb_build_object
json_object jsonb_object json_array_elements jsonb_array_elements json_array_elements_text jsonb_array_elements_text
json_array_length jsonb_array_length json_each jsonb_each json_each_text jsonb_each_text json_extract_path
jsonb_extract_path json_extract_path_text jsonb_extract_path_text json_object_keys jsonb_object_keys json_strip_nulls
jsonb_strip_nulls jsonb_set jsonb_set_lax jsonb_insert jsonb_path_exists jsonb_path_match jsonb_path_query
jsonb_path_query_array jsonb_path_query_first jsonb_pretty json_typeof jsonb_typeof json_to_record jsonb_to_record
json_to_recordset jsonb_to_recordset
"""
_ARRAYS = """
array_append array_cat array_dims array_length array_lower array_ndims array_position array_positions array_prepend
array_remove array_replace array_to_string array_upper cardinality trim_array unnest generate_series
generate_subscripts
"""
_AGGREGATES = """
array_agg avg bit_and bit_or bool_and bool_or count every json_agg jsonb_agg json_object_agg jsonb_object_agg max min
range_agg string_agg sum corr covar_pop covar_samp regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope
stddev stddev_pop stddev_samp variance var_pop var_samp mode percentile_cont percentile_disc rank dense_rank
percent_rank cume_dist row_number ntile lag lead first_value last_value nth_value grouping any_value
"""
_OTHER = """
coalesce nullif greatest least num_nonnulls num_nulls gen_random_uuid to_tsvector to_tsquery plainto_tsquery
phraseto_tsquery websearch_to_tsquery ts_rank ts_rank_cd ts_headline setweight numnode
int4range int8range numrange tsrange tstzrange daterange isempty lower_inc upper_inc
"""

_SYNTAX = """
select from where and or not in exists any some all as on using values with recursive materialized over filter
group within by partition order having union intersect except distinct case when then else end between like ilike
similar is null limit offset fetch returning set into insert update delete table lateral join inner left right
full cross natural only array row cast default conflict interval at zone escape rows range groups window tablesample
bernoulli system sets cube rollup grouping ordinality
numeric decimal varchar char character varying bit float time timestamp timestamptz
"""

FUNCTIONS: Final = frozenset(f"{_MATHS} {_TEXT} {_TIME} {_JSON} {_ARRAYS} {_AGGREGATES} {_OTHER}".split())

#: Words of the language, and types with a length.
SYNTAX: Final = frozenset(_SYNTAX.split())
