//! Atomic operations on cells of memory, alone and from eight threads.

use std::thread;

use native_ref::value::ffi::*;

use crate::support::*;

const THREADS: i64 = 8;
const ROUNDS: i64 = times(2_000, 20);
/// How many different numbers the rounds make.
const SPREAD: i64 = times(1_000, 100);

/// An address that may be used from other threads.
struct Shared<T>(*mut T);

// SAFETY: the threads touch what is there by atomic operations only.
unsafe impl<T> Sync for Shared<T> {}

impl<T> Shared<T> {
    fn at(&self) -> *mut T {
        self.0
    }
}

/// Runs the work in eight threads, each with its number.
fn together<T>(cell: &mut T, work: impl Fn(*mut T, i64) + Sync) {
    let (cell, work) = (&Shared(cell as *mut T), &work);
    thread::scope(|scope| {
        for number in 0..THREADS {
            scope.spawn(move || work(cell.at(), number));
        }
    });
}

/// The arithmetic of one family of functions on one type.
macro_rules! family {
    ($test:ident, $number:ty, $add:ident $sub:ident $and:ident $or:ident $xor:ident $min:ident
     $max:ident $swap:ident $compare:ident) => {
        #[test]
        fn $test() {
            let (low, high) = (<$number>::MIN, <$number>::MAX);
            let some: [$number; 8] = [0, 1, 2, 5, high, low, high - 1, low + 1];
            for before in some {
                for operand in some {
                    let rows: [(
                        unsafe extern "C" fn(*mut $number, $number) -> $number,
                        $number,
                    ); 8] = [
                        ($add, before.wrapping_add(operand)),
                        ($sub, before.wrapping_sub(operand)),
                        ($and, before & operand),
                        ($or, before | operand),
                        ($xor, before ^ operand),
                        ($min, before.min(operand)),
                        ($max, before.max(operand)),
                        ($swap, operand),
                    ];
                    for (function, after) in rows {
                        let mut cell = before;
                        assert_eq!(unsafe { function(&mut cell, operand) }, before);
                        assert_eq!(cell, after);
                    }
                    let mut cell = before;
                    assert_eq!(unsafe { $compare(&mut cell, operand, 77) }, before);
                    assert_eq!(cell, if before == operand { 77 } else { before });
                }
            }

            // Null and addresses in between are refused; nothing is touched.
            let mut pair: [$number; 2] = [7, 9];
            let odd = (&mut pair as *mut [$number; 2]).cast::<u8>();
            for offset in 1..std::mem::size_of::<$number>() {
                let odd = unsafe { odd.add(offset) }.cast();
                for bad in [odd, std::ptr::null_mut()] {
                    rt_error_clear();
                    assert_eq!(unsafe { $add(bad, 1) }, 0);
                    assert_eq!(take_error(), 11);
                    assert_eq!(unsafe { $compare(bad, 7, 1) }, 0);
                    assert_eq!(take_error(), 11);
                    for function in [$sub, $and, $or, $xor, $min, $max, $swap] {
                        assert_eq!(unsafe { function(bad, 1) }, 0);
                        assert_eq!(take_error(), 11);
                    }
                }
            }
            assert_eq!(pair, [7, 9]);

            let mut sum: $number = 0;
            together(&mut sum, |cell, _| {
                for _ in 0..ROUNDS {
                    unsafe {
                        $add(cell, 3);
                        $sub(cell, 1);
                    }
                }
            });
            assert_eq!(i128::from(sum), i128::from(2 * THREADS * ROUNDS));

            // A lock-free increment: a lost update would be a smaller number at the end.
            let mut counted: $number = 0;
            together(&mut counted, |cell, _| {
                for _ in 0..ROUNDS {
                    let mut seen = unsafe { $or(cell, 0) };
                    loop {
                        let found = unsafe { $compare(cell, seen, seen + 1) };
                        if found == seen {
                            break;
                        }
                        seen = found;
                    }
                }
            });
            assert_eq!(i128::from(counted), i128::from(THREADS * ROUNDS));

            let mut bits: $number = 0;
            together(&mut bits, |cell, number| unsafe {
                $or(cell, 1 << number);
                for _ in 0..ROUNDS {
                    // Twice is never.
                    $xor(cell, 1 << (number + 8));
                    $xor(cell, 1 << (number + 8));
                }
                if number % 2 == 0 {
                    $and(cell, !(1 << number));
                }
            });
            assert_eq!(bits, 0xaa);

            let (mut least, mut most): ($number, $number) = (high, low);
            together(&mut least, |cell, number| {
                for round in 0..ROUNDS {
                    unsafe { $min(cell, (5 + (round * 7 + number) % SPREAD) as $number) };
                }
            });
            together(&mut most, |cell, number| {
                for round in 0..ROUNDS {
                    unsafe { $max(cell, (5 + (round * 7 + number) % SPREAD) as $number) };
                }
            });
            assert_eq!((least, most), (5, (4 + SPREAD) as $number));
        }
    };
}

family!(signed_cells, i32, rt_gpu_atomic_add rt_gpu_atomic_sub rt_gpu_atomic_and
    rt_gpu_atomic_or rt_gpu_atomic_xor rt_gpu_atomic_min rt_gpu_atomic_max
    rt_gpu_atomic_exchange rt_gpu_atomic_cmpxchg);
family!(wide_cells, i64, rt_gpu_atomic_add_i64 rt_gpu_atomic_sub_i64 rt_gpu_atomic_and_i64
    rt_gpu_atomic_or_i64 rt_gpu_atomic_xor_i64 rt_gpu_atomic_min_i64 rt_gpu_atomic_max_i64
    rt_gpu_atomic_xchg_i64 rt_gpu_atomic_cmpxchg_i64);
family!(unsigned_cells, u32, rt_gpu_atomic_add_u32 rt_gpu_atomic_sub_u32 rt_gpu_atomic_and_u32
    rt_gpu_atomic_or_u32 rt_gpu_atomic_xor_u32 rt_gpu_atomic_min_u32 rt_gpu_atomic_max_u32
    rt_gpu_atomic_xchg_u32 rt_gpu_atomic_cmpxchg_u32);

#[test]
fn every_exchanged_number_comes_out_once() {
    let mut cell = 0_i64;
    let taken = std::sync::Mutex::new(Vec::new());
    together(&mut cell, |cell, number| {
        let mut own = Vec::new();
        for round in 0..ROUNDS {
            own.push(unsafe { rt_gpu_atomic_xchg_i64(cell, number * ROUNDS + round + 1) });
        }
        taken.lock().expect("no panic").extend(own);
    });
    let mut taken = taken.into_inner().expect("no panic");
    taken.push(cell);
    taken.sort_unstable();
    assert!(taken.into_iter().eq(0..=THREADS * ROUNDS));
}
