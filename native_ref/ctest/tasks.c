/* Several threads, and what lets them work together. */
#include "check.h"

void concurrent(void) {
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

void locks(void) {
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

void async(void) {
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

void threads(void) {
    int64_t thread = rt_thread_spawn_isolated(square, integer(12));
    CHECK(rt_value_as_int(rt_thread_join(thread, -1)) == 144 && rt_thread_is_done(thread));
    CHECK(rt_thread_free(thread) && rt_thread_id(thread) == -1);
    CHECK(rt_thread_available_parallelism() > 0 && rt_thread_sleep(1) && !rt_thread_sleep(-1));
    RuntimeValue items = rt_array_new(0);
    for (int64_t i = 1; i <= 1000; i++)
        CHECK(rt_array_push(items, integer(i)));
    RuntimeValue scaled = rt_par_map(items, scale, integer(2));
    CHECK(rt_value_as_int(rt_par_reduce(scaled, integer(0), sum, integer(0))) == 1001000);
}

void executor(void) {
    CHECK(rt_executor_set_mode(1) && rt_executor_is_manual());
    CHECK(rt_executor_submit(rt_future_new(square, integer(2))) && rt_executor_pending_count() == 1);
    CHECK(rt_executor_poll() == 1 && rt_executor_poll() == -1 && rt_executor_set_mode(0));
    int64_t future = rt_future_new(square, integer(7));
    CHECK(rt_executor_set_workers(2) && rt_executor_start() && rt_executor_submit(future));
    while (rt_executor_pending_count() > 0)
        rt_thread_yield();
    CHECK(rt_future_is_ready(future) && rt_executor_shutdown(-1));
}
