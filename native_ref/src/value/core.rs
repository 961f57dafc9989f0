//! The tagged 64-bit value.
//!
//! The low two bits are the tag:
//!
//! | low bits | meaning | payload |
//! | --- | --- | --- |
//! | `00` | special | nil, false, true and the floats that have no short form: ±0, ±infinity, NaN |
//! | `01` | int | 62 bits, signed |
//! | `10` | float | an `f64` rotated left by three, two exponent bits folded into the tag |
//! | `11` | reference | bit 2 clear: heap object, bit 2 set: boxed number; above it the handle |
//!
//! Integers outside 62 bits and floats outside about 1e-77 ..= 1e77 are boxed.
//! Boxes are interned, so equal integers always have equal bits; they live as
//! long as the process.

use super::heap::{self, Wide};

const TAG_BITS: u32 = 2;
const TAG_MASK: u64 = 0b11;
const TAG_SPECIAL: u64 = 0b00;
const TAG_INT: u64 = 0b01;
const TAG_FLOAT: u64 = 0b10;
const TAG_REF: u64 = 0b11;

const REF_BITS: u32 = 3;
const REF_MASK: u64 = 0b111;
const REF_HEAP: u64 = 0b011;
const REF_BOX: u64 = 0b111;

const BITS_NIL: u64 = 0x00;
const BITS_FALSE: u64 = 0x04;
const BITS_TRUE: u64 = 0x08;
const BITS_ZERO: u64 = 0x0c;
const BITS_NEG_ZERO: u64 = 0x10;
const BITS_INFINITY: u64 = 0x14;
const BITS_NEG_INFINITY: u64 = 0x18;
const BITS_NAN: u64 = 0x1c;

const INT_MIN: i64 = -(1 << 61);
const INT_MAX: i64 = (1 << 61) - 1;

/// One value of the language: nil, bool, int, float or a heap reference.
///
/// Equality of the Rust type is equality of the bits; language equality is
/// [`rt_value_eq`](super::ffi::rt_value_eq).
#[repr(transparent)]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RuntimeValue(u64);

impl RuntimeValue {
    /// The nil value; its bits are zero.
    pub const NIL: Self = Self(BITS_NIL);

    /// The value of a signed 64-bit integer, boxed outside 62 bits.
    pub fn from_int(value: i64) -> Self {
        if (INT_MIN..=INT_MAX).contains(&value) {
            return Self(((value as u64) << TAG_BITS) | TAG_INT);
        }
        Self::from_box(heap::intern_wide(Wide::Int(value)))
    }

    /// The value of a float; every bit pattern comes back unchanged.
    pub fn from_float(value: f64) -> Self {
        let bits = value.to_bits();
        // Bits 62..60 are 011 or 100 for the magnitudes that have a short form.
        if matches!((bits >> 60) & 0b111, 0b011 | 0b100) {
            return Self((bits.rotate_left(3) & !TAG_MASK) | TAG_FLOAT);
        }
        for special in [
            BITS_ZERO,
            BITS_NEG_ZERO,
            BITS_INFINITY,
            BITS_NEG_INFINITY,
            BITS_NAN,
        ] {
            if special_float(special).map(f64::to_bits) == Some(bits) {
                return Self(special);
            }
        }
        Self::from_box(heap::intern_wide(Wide::Float(bits)))
    }

    /// The value of a bool.
    pub fn from_bool(value: bool) -> Self {
        Self(if value { BITS_TRUE } else { BITS_FALSE })
    }

    /// The reference to the heap object with this handle; nil if the handle
    /// is not positive.
    pub fn from_handle(handle: i64) -> Self {
        if handle <= 0 {
            return Self::NIL;
        }
        Self(((handle as u64) << REF_BITS) | REF_HEAP)
    }

    fn from_box(handle: i64) -> Self {
        if handle <= 0 {
            return Self::NIL;
        }
        Self(((handle as u64) << REF_BITS) | REF_BOX)
    }

    fn wide(self) -> Option<Wide> {
        if self.0 & REF_MASK != REF_BOX {
            return None;
        }
        heap::wide((self.0 >> REF_BITS) as i64)
    }

    /// Whether this is nil.
    pub fn is_nil(self) -> bool {
        self.0 == BITS_NIL
    }

    /// Whether this is an integer.
    pub fn is_int(self) -> bool {
        self.as_int().is_some()
    }

    /// Whether this is a float.
    pub fn is_float(self) -> bool {
        self.as_float().is_some()
    }

    /// Whether this is a bool.
    pub fn is_bool(self) -> bool {
        matches!(self.0, BITS_FALSE | BITS_TRUE)
    }

    /// Whether this is a reference to a heap object, live or stale.
    pub fn is_heap(self) -> bool {
        self.0 & REF_MASK == REF_HEAP
    }

    /// The integer, if it is one.
    pub fn as_int(self) -> Option<i64> {
        if self.0 & TAG_MASK == TAG_INT {
            return Some((self.0 as i64) >> TAG_BITS);
        }
        match self.wide() {
            Some(Wide::Int(value)) => Some(value),
            _ => None,
        }
    }

    /// The float, if it is one; an integer is not converted.
    pub fn as_float(self) -> Option<f64> {
        match self.0 & TAG_MASK {
            TAG_FLOAT => {
                let exponent = 2 - (self.0 >> 63);
                let bits = ((self.0 & !TAG_MASK) | exponent).rotate_right(3);
                Some(f64::from_bits(bits))
            }
            TAG_SPECIAL => special_float(self.0),
            TAG_REF => match self.wide() {
                Some(Wide::Float(bits)) => Some(f64::from_bits(bits)),
                _ => None,
            },
            _ => None,
        }
    }

    /// The bool, if it is one.
    pub fn as_bool(self) -> Option<bool> {
        match self.0 {
            BITS_TRUE => Some(true),
            BITS_FALSE => Some(false),
            _ => None,
        }
    }

    /// The handle of the heap object, if this is a heap reference.
    pub fn as_handle(self) -> Option<i64> {
        self.is_heap().then_some((self.0 >> REF_BITS) as i64)
    }

    /// Whether a condition on this value holds: nil, false, 0 and ±0.0 do not,
    /// and neither do bits that are no value at all.
    pub fn truthy(self) -> bool {
        if let Some(flag) = self.as_bool() {
            flag
        } else if let Some(int) = self.as_int() {
            int != 0
        } else if let Some(float) = self.as_float() {
            float != 0.0
        } else {
            self.is_heap()
        }
    }

    /// The word that crosses the C boundary.
    pub fn to_bits(self) -> u64 {
        self.0
    }

    /// The value with these bits; any word is accepted, and one that is no
    /// value has no type.
    pub fn from_bits(bits: u64) -> Self {
        Self(bits)
    }
}

fn special_float(bits: u64) -> Option<f64> {
    match bits {
        BITS_ZERO => Some(0.0),
        BITS_NEG_ZERO => Some(-0.0),
        BITS_INFINITY => Some(f64::INFINITY),
        BITS_NEG_INFINITY => Some(f64::NEG_INFINITY),
        BITS_NAN => Some(f64::NAN),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ints_keep_their_full_range() {
        for int in [
            0,
            1,
            -1,
            INT_MIN,
            INT_MAX,
            INT_MIN - 1,
            INT_MAX + 1,
            i64::MIN,
            i64::MAX,
        ] {
            let value = RuntimeValue::from_int(int);
            assert_eq!(value.as_int(), Some(int));
            assert!(value.is_int() && !value.is_float() && !value.is_heap());
            assert_eq!(value, RuntimeValue::from_int(int));
        }
    }

    #[test]
    fn floats_keep_every_bit() {
        let mut samples = vec![
            0.0,
            -0.0,
            1.0,
            -1.5,
            0.1,
            f64::MAX,
            f64::MIN,
            f64::MIN_POSITIVE,
            5e-324,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::NAN,
            f64::from_bits(0x7ff8_0000_dead_beef),
            f64::from_bits(0x3000_0000_0000_0000),
        ];
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        for _ in 0..200 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            samples.push(f64::from_bits(state));
        }
        for float in samples {
            let value = RuntimeValue::from_float(float);
            assert_eq!(value.as_float().map(f64::to_bits), Some(float.to_bits()));
            assert!(value.is_float() && !value.is_int() && !value.is_heap());
        }
    }

    #[test]
    fn garbage_bits_have_no_type() {
        for bits in [0x20, 0xffff_ffff_ffff_ffff, 0x7] {
            let value = RuntimeValue::from_bits(bits);
            assert_eq!(value.to_bits(), bits);
            assert!(!value.is_int() && !value.is_float() && !value.is_bool());
            assert!(!value.is_nil() && !value.is_heap() && !value.truthy());
        }
    }
}
