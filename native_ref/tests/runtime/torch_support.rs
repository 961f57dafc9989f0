//! What the modules about tensors need.

use native_ref::value::ffi::*;

pub const F32: i64 = 0;
pub const F64: i64 = 1;
pub const I64: i64 = 2;

pub fn tensor(values: &[f64], shape: &[i64]) -> i64 {
    typed(values, shape, F64)
}

pub fn typed(values: &[f64], shape: &[i64], dtype: i64) -> i64 {
    let (count, ndim) = (values.len() as i64, shape.len() as i64);
    let handle =
        unsafe { rt_torch_tensor_from_data(values.as_ptr(), count, shape.as_ptr(), ndim, dtype) };
    assert!(handle > 0);
    handle
}

pub fn range(count: i64, shape: &[i64]) -> i64 {
    let values: Vec<f64> = (0..count).map(|n| n as f64).collect();
    tensor(&values, shape)
}

pub fn shape(handle: i64) -> Vec<i64> {
    let mut out = vec![0; rt_torch_tensor_ndim(handle) as usize];
    let n = out.len() as i64;
    assert_eq!(
        unsafe { rt_torch_tensor_shape(handle, out.as_mut_ptr(), n) },
        n
    );
    out
}

pub fn data(handle: i64) -> Vec<f64> {
    let mut out = vec![0.0; rt_torch_tensor_numel(handle) as usize];
    let n = out.len() as i64;
    assert_eq!(
        unsafe { rt_torch_tensor_to_data(handle, out.as_mut_ptr(), n) },
        n
    );
    out
}

pub fn get(handle: i64, indices: &[i64]) -> f64 {
    unsafe { rt_torch_tensor_get(handle, indices.as_ptr(), indices.len() as i64) }
}

pub fn reshape(handle: i64, shape: &[i64]) -> i64 {
    unsafe { rt_torch_tensor_reshape(handle, shape.as_ptr(), shape.len() as i64) }
}

pub fn ints(values: &[i64], shape: &[i64]) -> i64 {
    let (count, ndim) = (values.len() as i64, shape.len() as i64);
    let handle = unsafe { rt_torch_tensor_from_ints(values.as_ptr(), count, shape.as_ptr(), ndim) };
    assert!(handle > 0);
    handle
}

pub fn int_data(handle: i64) -> Vec<i64> {
    let mut out = vec![0; rt_torch_tensor_numel(handle) as usize];
    let n = out.len() as i64;
    assert_eq!(
        unsafe { rt_torch_tensor_to_ints(handle, out.as_mut_ptr(), n) },
        n
    );
    out
}

pub fn randn(shape: &[i64], seed: i64) -> i64 {
    unsafe { rt_torch_tensor_randn(shape.as_ptr(), shape.len() as i64, seed, F64) }
}

pub fn cat(tensors: &[i64], axis: i64) -> i64 {
    unsafe { rt_torch_tensor_cat(tensors.as_ptr(), tensors.len() as i64, axis) }
}

pub fn item(handle: i64) -> f64 {
    rt_torch_tensor_item(handle)
}

pub fn set_at(handle: i64, indices: &[i64], value: f64) -> bool {
    unsafe { rt_torch_tensor_set(handle, indices.as_ptr(), indices.len() as i64, value) }
}

pub fn parameters(layer: i64) -> Vec<i64> {
    let mut out = [0; 8];
    let count = unsafe { rt_torch_layer_parameters(layer, out.as_mut_ptr(), 8) };
    out[..count as usize].to_vec()
}

pub fn close(left: &[f64], right: &[f64], within: f64) {
    assert_eq!(left.len(), right.len());
    for (x, y) in left.iter().zip(right) {
        assert!((x - y).abs() <= within, "{left:?} is not {right:?}");
    }
}
