//! Fetching ahead: the processor reads many cache lines side by side in the time of one,
//! where it is told early which.

/// Least line of the processors that this runs on.
const LINE: usize = 64;

/// Asks for all of `value` in the second-level cache, and does not wait for it. Nothing
/// happens on other processors than x86-64.
#[inline]
pub(crate) fn prefetch<T: ?Sized>(value: &T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};

        let start = std::ptr::from_ref(value).cast::<i8>();
        for offset in (0..size_of_val(value)).step_by(LINE) {
            // SAFETY: the address is within `value`, and a prefetch changes nothing that
            // a program could see.
            unsafe { _mm_prefetch::<_MM_HINT_T1>(start.add(offset)) };
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = value;
}
