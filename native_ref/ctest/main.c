/* Calls every domain of the runtime from C: `cc -I../include main.c -lnative_ref`.
 *
 * Prints a line for each domain and ends with 1 if any check failed.
 */
#include "native_ref.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static int failures;

#define CHECK(condition)                                                  \
    do {                                                                  \
        if (!(condition)) {                                               \
            printf("  %s:%d: %s\n", __FILE__, __LINE__, #condition);      \
            failures++;                                                   \
        }                                                                 \
    } while (0)

/* A text as the two arguments that it crosses the boundary as. */
#define TEXT(text) (const uint8_t *)(text), (int64_t)strlen(text)
/* A buffer likewise. */
#define ROOM(buffer) (uint8_t *)(buffer), (int64_t)sizeof(buffer)

static RuntimeValue integer(int64_t value) { return rt_value_int(value); }
static RuntimeValue string(const char *text) { return rt_string_new(TEXT(text)); }

static bool is_string(RuntimeValue value, const char *text) {
    char buffer[256];
    int64_t len = rt_string_copy(value, ROOM(buffer));
    return len == (int64_t)strlen(text) && memcmp(buffer, text, (size_t)len) == 0;
}

static void values(void) {
    CHECK(rt_value_as_int(integer(INT64_MIN)) == INT64_MIN);
    CHECK(rt_value_as_float(rt_value_float(-2.5)) == -2.5);
    CHECK(rt_value_is_bool(rt_value_bool(true)) && rt_value_as_bool(rt_value_bool(true)));
    CHECK(rt_value_is_nil(rt_value_nil()) && !rt_value_truthy(rt_value_nil()));
    CHECK(!rt_value_truthy(integer(0)) && rt_value_truthy(integer(-1)));
    CHECK(rt_value_eq(string("a"), string("a")) && !rt_value_identical(string("a"), string("a")));
    CHECK(!rt_value_eq(rt_value_float(NAN), rt_value_float(NAN)));
}

static void memory(void) {
    uint8_t *block = rt_alloc(24);
    CHECK(block != NULL && (uintptr_t)block % 8 == 0 && block[23] == 0);
    RuntimeValue value = rt_ptr_to_value(block);
    CHECK(rt_value_to_ptr(value) == block);
    CHECK(rt_free(block) && !rt_free(block) && rt_value_to_ptr(value) == NULL);
    CHECK(rt_alloc(0) == NULL && rt_alloc(-1) == NULL && !rt_free(NULL));
}

static void collections(void) {
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

static void objects(void) {
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

static void interpreter(void) {
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

static void io(void) {
    CHECK(rt_capture_stdout_start() && rt_println_str(TEXT("hello")) > 0);
    CHECK(is_string(rt_capture_stdout_stop(), "hello\n"));
    CHECK(rt_stdin_mock_set(TEXT("one\ntwo")) && is_string(rt_stdin_read_line(), "one"));
    CHECK(rt_stdin_mock_clear());
}

static void utilities(void) {
    char buffer[64];
    CHECK(rt_base64_encode(TEXT("foobar"), ROOM(buffer)) == 8 && memcmp(buffer, "Zm9vYmFy", 8) == 0);
    CHECK(rt_datetime_year(rt_datetime_from_parts(1969, 12, 31, 23, 59, 59, 999)) == 1969);
    CHECK(rt_datetime_is_leap_year(2000) && !rt_datetime_is_leap_year(1900));
    CHECK(rt_math_sqrt(2.0) == sqrt(2.0) && isnan(rt_math_sqrt(-1.0)) && rt_math_gcd(12, -18) == 6);
    CHECK(rt_env_set(TEXT("NATIVE_REF_C"), TEXT("yes")) && rt_env_get(TEXT("NATIVE_REF_C"), ROOM(buffer)) == 3);
    CHECK(rt_env_unset(TEXT("NATIVE_REF_C")) && !rt_env_has(TEXT("NATIVE_REF_C")));
}

static void hashes(void) {
    char hex[64];
    CHECK(rt_sha1_hex(TEXT("abc"), ROOM(hex)) == 40 && memcmp(hex, "a9993e36", 8) == 0);
    int64_t sha = rt_sha256_new();
    CHECK(rt_sha256_write(sha, TEXT("ab")) == 2 && rt_sha256_write(sha, TEXT("c")) == 1);
    uint8_t digest[32];
    CHECK(rt_sha256_finish(sha, ROOM(digest)) == 32 && digest[0] == 0xba && digest[31] == 0xad);
    CHECK(rt_sha256_free(sha) && !rt_sha256_free(sha));
    CHECK(rt_xxhash_hash(TEXT(""), 0) == 0xef46db3751d8e999u);
}

static void concurrent(void) {
    int64_t arena = rt_arena_new(64), map = rt_map_new(), queue = rt_queue_new(1), stack = rt_stack_new();
    CHECK(rt_arena_alloc(arena, 8, 8) != NULL && rt_arena_used(arena) >= 8 && rt_arena_free(arena));
    rt_map_insert(map, integer(1), integer(2));
    CHECK(rt_value_as_int(rt_map_get(map, integer(1))) == 2 && rt_map_len(map) == 1 && rt_map_free(map));
    CHECK(rt_queue_push(queue, integer(1)) && !rt_queue_push(queue, integer(2)) && rt_queue_free(queue));
    CHECK(rt_stack_push(stack, integer(3)) && rt_value_as_int(rt_stack_pop(stack)) == 3 && rt_stack_free(stack));
    int64_t pool = rt_pool_new(16, 1);
    uint8_t *block = rt_pool_acquire(pool);
    CHECK(block != NULL && rt_pool_acquire(pool) == NULL && rt_pool_release(pool, block) && rt_pool_free(pool));
    int64_t slot = rt_tls_new(integer(9));
    CHECK(rt_value_as_int(rt_tls_get(slot)) == 9 && rt_tls_free(slot));
}

static void sync(void) {
    int64_t cell = rt_atomic_new(5);
    CHECK(rt_atomic_fetch_add(cell, 2) == 5 && rt_atomic_load(cell) == 7 && rt_atomic_free(cell));
    int64_t mutex = rt_mutex_new(integer(1));
    CHECK(rt_value_as_int(rt_mutex_lock(mutex)) == 1 && rt_mutex_unlock(mutex, integer(2)) && rt_mutex_free(mutex));
    int64_t semaphore = rt_semaphore_new(1);
    CHECK(rt_semaphore_try_acquire(semaphore) && !rt_semaphore_try_acquire(semaphore));
    CHECK(rt_semaphore_free(semaphore));
    int64_t lock = rt_rwlock_new();
    CHECK(rt_rwlock_read(lock) && rt_rwlock_unlock(lock) && rt_rwlock_free(lock));
    int64_t barrier = rt_barrier_new(1);
    CHECK(rt_barrier_wait(barrier) >= 0 && rt_barrier_free(barrier));
}

/* Counts slot 0 down to zero. */
static void countdown(int64_t generator) {
    int64_t left = rt_value_as_int(rt_generator_get_slot(generator, 0));
    if (left > 0 && rt_generator_set_slot(generator, 0, integer(left - 1)))
        rt_generator_yield(generator, integer(left));
}

static RuntimeValue square(RuntimeValue value) {
    return integer(rt_value_as_int(value) * rt_value_as_int(value));
}

static RuntimeValue echo(int64_t actor, RuntimeValue factor) {
    (void)actor;
    return integer(rt_value_as_int(rt_actor_recv(-1)) * rt_value_as_int(factor));
}

static void async(void) {
    int64_t generator = rt_generator_new(countdown, 1);
    CHECK(rt_generator_new(NULL, 1) == 0 && rt_generator_set_slot(generator, 0, integer(2)));
    CHECK(rt_value_as_int(rt_generator_next(generator)) == 2);
    CHECK(rt_value_as_int(rt_generator_next(generator)) == 1 && !rt_generator_is_done(generator));
    CHECK(rt_value_is_nil(rt_generator_next(generator)) && rt_generator_is_done(generator));
    CHECK(rt_generator_free(generator) && !rt_generator_free(generator));
    int64_t lazy = rt_future_new(square, integer(9)), promise = rt_future_new(NULL, integer(0));
    RuntimeValue handles = rt_array_new(2);
    CHECK(rt_array_push(handles, integer(lazy)) && rt_array_push(handles, integer(promise)));
    int64_t all = rt_future_all(handles);
    CHECK(!rt_future_is_ready(lazy) && rt_future_resolve(promise, integer(1)));
    CHECK(rt_value_as_int(rt_array_get(rt_future_await(all, -1), 0)) == 81 && rt_future_free(all));
    CHECK(rt_value_as_int(rt_future_await(rt_future_race(handles), -1)) == 81);
    int64_t channel = rt_channel_new(1);
    CHECK(rt_channel_send(channel, integer(4), 0) && !rt_channel_send(channel, integer(5), 0));
    CHECK(rt_value_as_int(rt_channel_recv(channel, 0)) == 4 && rt_channel_free(channel));
    int64_t actor = rt_actor_spawn(echo, integer(3));
    CHECK(rt_actor_is_alive(actor) && rt_actor_id(actor) > 0 && rt_actor_send(actor, integer(5)));
    CHECK(rt_value_as_int(rt_actor_join(actor, -1)) == 15 && !rt_actor_is_alive(actor));
    int64_t file = rt_async_file_create(TEXT("no such file"));
    CHECK(rt_async_file_start_loading(file) && rt_value_is_nil(rt_async_file_wait(file, -1)));
    CHECK(rt_async_file_get_state(file) == 3 && rt_async_file_free(file));
}

static RuntimeValue scale(RuntimeValue item, RuntimeValue factor) {
    return integer(rt_value_as_int(item) * rt_value_as_int(factor));
}

static RuntimeValue sum(RuntimeValue left, RuntimeValue right, RuntimeValue context) {
    (void)context;
    return integer(rt_value_as_int(left) + rt_value_as_int(right));
}

static void threads(void) {
    int64_t thread = rt_thread_spawn_isolated(square, integer(12));
    CHECK(rt_value_as_int(rt_thread_join(thread, -1)) == 144 && rt_thread_is_done(thread));
    CHECK(rt_thread_free(thread) && rt_thread_id(thread) == -1);
    CHECK(rt_thread_available_parallelism() > 0 && rt_thread_sleep(1) && !rt_thread_sleep(-1));
    RuntimeValue items = rt_array_new(0);
    for (int64_t i = 1; i <= 1000; i++)
        CHECK(rt_array_push(items, integer(i)));
    RuntimeValue scaled = rt_par_map(items, scale, integer(2));
    CHECK(rt_value_as_int(rt_par_reduce(scaled, integer(0), sum, integer(0))) == 1001000);
    CHECK(rt_executor_set_mode(1) && rt_executor_is_manual());
    CHECK(rt_executor_submit(rt_future_new(square, integer(2))) && rt_executor_pending_count() == 1);
    CHECK(rt_executor_poll() == 1 && rt_executor_poll() == -1 && rt_executor_set_mode(0));
    int64_t future = rt_future_new(square, integer(7));
    CHECK(rt_executor_set_workers(2) && rt_executor_start() && rt_executor_submit(future));
    while (rt_executor_pending_count() > 0)
        rt_thread_yield();
    CHECK(rt_future_is_ready(future) && rt_executor_shutdown(-1));
}

static void numbers(void) {
    const double lanes[] = {-1.5, 2.5, 0.25, -0.0, 4};
    double rounded[5];
    int64_t vector = rt_vec_new(lanes, 5), round = rt_vec_round(vector);
    CHECK(rt_vec_read(round, rounded, 5) == 5 && rounded[0] == -2 && rounded[1] == 3 && rounded[2] == 0);
    CHECK(rt_vec_sum(vector) == 5.25 && rt_vec_min(vector) == -1.5 && !rt_vec_all(vector));
    const int64_t order[] = {4, 0};
    int64_t shuffled = rt_vec_shuffle(vector, order, 2);
    CHECK(rt_vec_extract(shuffled, 0) == 4 && rt_vec_blend(vector, shuffled, 1) == 0);
    CHECK(rt_vec_free(vector) && !rt_vec_free(vector) && rt_vec_free(round) && rt_vec_free(shuffled));
    int32_t small = 5;
    int64_t wide = INT64_MAX;
    uint32_t bare = 0;
    CHECK(rt_gpu_atomic_add(&small, 2) == 5 && rt_gpu_atomic_cmpxchg(&small, 7, 9) == 7 && small == 9);
    CHECK(rt_gpu_atomic_add_i64(&wide, 1) == INT64_MAX && wide == INT64_MIN);
    CHECK(rt_gpu_atomic_sub_u32(&bare, 1) == 0 && rt_gpu_atomic_min_u32(&bare, 3) == UINT32_MAX && bare == 3);
    CHECK(rt_gpu_atomic_exchange(NULL, 1) == 0 && rt_error_clear());
}

static void compiler(void) {
#ifdef NATIVE_REF_COMPILER
    char answer[256];
    int64_t context = __rt_compiler_create_context();
    const char *source = "{\"expr\":\"lambda\",\"params\":[\"x\"],\"body\":{\"expr\":\"var\",\"name\":\"x\"}}";
    int64_t len = __rt_compiler_infer_types(context, TEXT(source), ROOM(answer));
    CHECK(len > 0 && len < (int64_t)sizeof answer);
    answer[len > 0 ? len : 0] = 0;
    CHECK(strstr(answer, "\"text\":\"fn(a) -> a\"") != NULL);
    CHECK(__rt_compiler_get_stats(context, NULL, 0) > 0);
    CHECK(__rt_compiler_destroy_context(context) && !__rt_compiler_destroy_context(context));
#endif
}

static void torch(void) {
    const double data[] = {1, 2, 3, 4};
    const int64_t shape[] = {2, 2};
    int64_t a = rt_torch_tensor_from_data(data, 4, shape, 2, 1);
    if (!rt_torch_available()) {
        CHECK(a == 0 && rt_torch_tensor_numel(a) == -1);
        return;
    }
    int64_t product = rt_torch_tensor_matmul(a, a);
    const int64_t corner[] = {1, 1};
    CHECK(rt_torch_tensor_get(product, corner, 2) == 22.0);
    CHECK(rt_torch_tensor_free(a) && !rt_torch_tensor_free(a) && rt_torch_tensor_free(product));
}

static const struct {
    const char *name;
    void (*run)(void);
} DOMAINS[] = {
    {"values", values},       {"memory", memory},   {"collections", collections},
    {"objects", objects},     {"io", io},           {"interpreter", interpreter},
    {"utilities", utilities}, {"hashes", hashes},   {"concurrent", concurrent},
    {"sync", sync},           {"async", async},     {"threads", threads},
    {"numbers", numbers},     {"compiler", compiler}, {"torch", torch},
};

int main(void) {
    for (size_t i = 0; i < sizeof DOMAINS / sizeof DOMAINS[0]; i++) {
        int before = failures;
        DOMAINS[i].run();
        printf("%s: %s\n", DOMAINS[i].name, failures == before ? "ok" : "FAILED");
    }
    return failures != 0;
}
