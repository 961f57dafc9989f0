/* What programs of the language are made of: values, collections, calls, text in and out. */
#include "check.h"

#include <math.h>

void values(void) {
    CHECK(rt_value_as_int(integer(INT64_MIN)) == INT64_MIN);
    CHECK(rt_value_as_float(rt_value_float(-2.5)) == -2.5);
    CHECK(rt_value_is_bool(rt_value_bool(true)) && rt_value_as_bool(rt_value_bool(true)));
    CHECK(rt_value_is_nil(rt_value_nil()) && !rt_value_truthy(rt_value_nil()));
    CHECK(!rt_value_truthy(integer(0)) && rt_value_truthy(integer(-1)));
    CHECK(rt_value_eq(string("a"), string("a")) && !rt_value_identical(string("a"), string("a")));
    CHECK(!rt_value_eq(rt_value_float(NAN), rt_value_float(NAN)));
}

void memory(void) {
    uint8_t *block = rt_alloc(24);
    CHECK(block != NULL && (uintptr_t)block % 8 == 0 && block[23] == 0);
    RuntimeValue value = rt_ptr_to_value(block);
    CHECK(rt_value_to_ptr(value) == block);
    CHECK(rt_free(block) && !rt_free(block) && rt_value_to_ptr(value) == NULL);
    CHECK(rt_alloc(0) == NULL && rt_alloc(-1) == NULL && !rt_free(NULL));
}

void collections(void) {
    RuntimeValue array = rt_array_new(0);
    for (int64_t i = 0; i < 100; i++)
        CHECK(rt_array_push(array, integer(i * i)));
    CHECK(rt_array_len(array) == 100 && rt_value_as_int(rt_array_get(array, 99)) == 9801);
    CHECK(rt_value_is_nil(rt_array_get(array, 100)) && rt_value_as_int(rt_array_pop(array)) == 9801);
    RuntimeValue tuple = rt_tuple_new(2);
    CHECK(rt_tuple_set(tuple, 1, array) && !rt_tuple_set(tuple, 2, array) && rt_tuple_len(tuple) == 2);
    RuntimeValue dict = rt_dict_new(4);
    CHECK(rt_dict_set(dict, string("key"), tuple) && rt_dict_len(dict) == 1);
    CHECK(rt_value_identical(rt_dict_get(dict, string("key")), tuple));
    CHECK(is_string(rt_string_concat(string("grü"), string("ße")), "grüße"));
    CHECK(rt_string_len(string("grüße")) == 7 && rt_string_char_count(string("grüße")) == 5);
    CHECK(rt_heap_free(dict) && !rt_heap_free(dict) && rt_dict_len(dict) == -1);
}

void objects(void) {
    RuntimeValue object = rt_object_new(7, 2);
    CHECK(rt_object_class_id(object) == 7 && rt_object_field_count(object) == 2);
    CHECK(rt_object_field_set(object, 1, integer(5)) && !rt_object_field_set(object, 2, integer(5)));
    CHECK(rt_value_as_int(rt_object_field_get(object, 1)) == 5);
    RuntimeValue variant = rt_enum_new(1, 3, object);
    CHECK(rt_enum_discriminant(variant) == 3 && rt_value_identical(rt_enum_payload(variant), object));
    RuntimeValue unique = rt_unique_new(integer(1));
    CHECK(rt_unique_set(unique, integer(2)) && rt_value_as_int(rt_unique_get(unique)) == 2);
    RuntimeValue closure = rt_closure_new((const uint8_t *)"code", 1);
    CHECK(rt_closure_set_capture(closure, 0, variant) && rt_closure_func_ptr(closure) != NULL);
}

static RuntimeValue twice(int64_t argc, const RuntimeValue *argv) {
    return integer(argc == 1 ? 2 * rt_value_as_int(argv[0]) : -1);
}

void interpreter(void) {
    CHECK(rt_value_as_int(rt_interp_eval(TEXT("1 + 2 * 3"))) == 7);
    CHECK(rt_interp_register(TEXT("twice"), twice));
    CHECK(rt_value_as_int(rt_interp_eval(TEXT("twice(21)"))) == 42);
    char message[128] = "";
    CHECK(rt_value_is_nil(rt_function_not_found(TEXT("nowhere"))) && rt_error_has());
    int64_t len = rt_error_last_message(ROOM(message));
    CHECK(len > 0 && len < (int64_t)sizeof message && strstr(message, "nowhere") != NULL);
    CHECK(rt_error_clear() && !rt_error_has());
    int64_t violation = rt_contract_violation_new(0, TEXT("rt_x"), TEXT("too small"));
    CHECK(violation > 0 && rt_contract_violation_message(violation, ROOM(message)) == 9);
    CHECK(rt_contract_violation_free(violation) && !rt_contract_violation_free(violation));
}

void io(void) {
    CHECK(rt_capture_stdout_start() && rt_println_str(TEXT("hello")) > 0);
    CHECK(is_string(rt_capture_stdout_stop(), "hello\n"));
    CHECK(rt_stdin_mock_set(TEXT("one\ntwo")) && is_string(rt_stdin_read_line(), "one"));
    CHECK(rt_stdin_mock_clear());
}

void utilities(void) {
    char buffer[64];
    CHECK(rt_base64_encode(TEXT("foobar"), ROOM(buffer)) == 8 && memcmp(buffer, "Zm9vYmFy", 8) == 0);
    CHECK(rt_datetime_year(rt_datetime_from_parts(1969, 12, 31, 23, 59, 59, 999)) == 1969);
    CHECK(rt_datetime_is_leap_year(2000) && !rt_datetime_is_leap_year(1900));
    CHECK(rt_math_sqrt(2.0) == sqrt(2.0) && isnan(rt_math_sqrt(-1.0)) && rt_math_gcd(12, -18) == 6);
    CHECK(rt_env_set(TEXT("NATIVE_REF_C"), TEXT("yes")) && rt_env_get(TEXT("NATIVE_REF_C"), ROOM(buffer)) == 3);
    CHECK(rt_env_unset(TEXT("NATIVE_REF_C")) && !rt_env_has(TEXT("NATIVE_REF_C")));
}

void hashes(void) {
    char hex[64];
    CHECK(rt_sha1_hex(TEXT("abc"), ROOM(hex)) == 40 && memcmp(hex, "a9993e36", 8) == 0);
    int64_t sha = rt_sha256_new();
    CHECK(rt_sha256_write(sha, TEXT("ab")) == 2 && rt_sha256_write(sha, TEXT("c")) == 1);
    uint8_t digest[32];
    CHECK(rt_sha256_finish(sha, ROOM(digest)) == 32 && digest[0] == 0xba && digest[31] == 0xad);
    CHECK(rt_sha256_free(sha) && !rt_sha256_free(sha));
    CHECK(rt_xxhash_hash(TEXT(""), 0) == 0xef46db3751d8e999u);
}

void coverage(void) {
    CHECK(rt_env_set(TEXT("RT_COVERAGE"), TEXT("0")) && !rt_coverage_enabled());
    CHECK(!rt_coverage_decision_probe(1, true) && rt_coverage_path_finalize(1) == 0);
    CHECK(rt_env_set(TEXT("RT_COVERAGE"), TEXT("1")) && rt_coverage_enabled());
    CHECK(rt_coverage_decision_probe(1, true) && rt_coverage_decision_probe(1, true));
    CHECK(rt_coverage_decision_probe(1, false) && rt_coverage_condition_probe(1, 2, false));
    CHECK(rt_coverage_path_probe(3, 1) && rt_coverage_path_probe(3, 2) && rt_coverage_path_finalize(3) != 0);
    uint8_t *dump = rt_coverage_dump_sdn();
    CHECK(dump != NULL && strstr((const char *)dump, "\n    1, 1, 1, 0\n") != NULL);
    CHECK(dump != NULL && strstr((const char *)dump, "|decision, true, false|\n    1, 2, 1\n") != NULL);
    CHECK(rt_coverage_free_sdn(dump) && !rt_coverage_free_sdn(dump));
    CHECK(rt_env_unset(TEXT("RT_COVERAGE")) && !rt_coverage_enabled());
}

static RuntimeValue add_two(RuntimeValue value) { return integer(rt_value_as_int(value) + 2); }
static RuntimeValue tenfold(RuntimeValue value) {
    return integer(10 * rt_value_as_int(rt_aop_proceed(rt_aop_proceed(value))));
}
static RuntimeValue instead(RuntimeValue value) { return value; }

void advice(void) {
    CHECK(rt_value_as_int(rt_aop_invoke_around(add_two, tenfold, integer(1))) == 50);
    CHECK(rt_value_as_int(rt_aop_invoke_around(add_two, instead, integer(1))) == 1);
    CHECK(!rt_error_has() && rt_value_is_nil(rt_aop_proceed(integer(1))) && rt_error_clear());
    CHECK(rt_value_is_nil(rt_aop_invoke_around(NULL, tenfold, integer(1))) && rt_error_clear());
}
