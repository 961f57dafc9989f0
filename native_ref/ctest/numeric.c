/* Vectors, atomics of kernels, types of programs and tensors. */
#include "check.h"

#include <math.h>

void numbers(void) {
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

void compiler(void) {
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

void torch(void) {
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

/* One step down the gradient of a sum of products. */
void learning(void) {
    const double weights[] = {1, 2}, inputs[] = {3, 4};
    const int64_t shape[] = {2}, first[] = {0}, second[] = {1};
    int64_t w = rt_torch_tensor_from_data(weights, 2, shape, 1, 1);
    if (!rt_torch_available()) {
        CHECK(w == 0 && !rt_torch_set_requires_grad(w, true) && !rt_torch_backward(w));
        return;
    }
    int64_t x = rt_torch_tensor_from_data(inputs, 2, shape, 1, 1);
    CHECK(rt_torch_grad(w) == 0 && rt_torch_set_requires_grad(w, true));
    int64_t product = rt_torch_tensor_mul(w, x), loss = rt_torch_tensor_sum(product);
    CHECK(rt_torch_tensor_item(loss) == 11 && !rt_torch_backward(product) && rt_torch_backward(loss));
    int64_t gradient = rt_torch_grad(w);
    CHECK(rt_torch_tensor_get(gradient, first, 1) == 3 && rt_torch_tensor_get(gradient, second, 1) == 4);
    int64_t optimiser = rt_torch_sgd_new(&w, 1, 0.5, 0, 0);
    CHECK(rt_torch_optim_step(optimiser) && rt_torch_optim_zero_grad(optimiser));
    CHECK(rt_torch_tensor_get(w, first, 1) == -0.5 && rt_torch_tensor_get(w, second, 1) == 0);
    CHECK(rt_torch_optim_free(optimiser) && !rt_torch_optim_free(optimiser));
    const int64_t tensors[] = {w, x, product, loss, gradient};
    for (size_t i = 0; i < sizeof tensors / sizeof tensors[0]; i++)
        CHECK(rt_torch_tensor_free(tensors[i]));
}
