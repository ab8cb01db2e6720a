//! What std would bring: memory, and an end for panics.

use core::alloc::GlobalAlloc;
use core::alloc::Layout;
use core::ffi::c_int;
use core::ffi::c_void;
use core::sync::atomic::AtomicUsize;
use core::sync::atomic::Ordering;

#[link(name = "c")]
unsafe extern "C" {
    fn posix_memalign(place: *mut *mut c_void, align: usize, size: usize) -> c_int;
    fn free(place: *mut c_void);
    fn abort() -> !;
}

/// The C library's memory, counted.
struct Memory;

static LIVE: AtomicUsize = AtomicUsize::new(0);

/// How many allocations are live.
pub fn live() -> usize {
    LIVE.load(Ordering::Relaxed)
}

// SAFETY: memory of the asked size and alignment, or null; freed once, by who allocated it.
unsafe impl GlobalAlloc for Memory {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let mut place = core::ptr::null_mut();
        let align = layout.align().max(size_of::<usize>());
        // JUSTIFICATION: memory comes from somewhere.
        // SAFETY: `align` is a power of two and a multiple of a pointer's size; `place` is ours to write.
        let failed = unsafe { posix_memalign(&raw mut place, align, layout.size()) };
        if failed != 0 {
            return core::ptr::null_mut();
        }
        LIVE.fetch_add(1, Ordering::Relaxed);
        place.cast()
    }

    unsafe fn dealloc(&self, place: *mut u8, _layout: Layout) {
        LIVE.fetch_sub(1, Ordering::Relaxed);
        // JUSTIFICATION: as above.
        // SAFETY: `place` came from `alloc`, says the caller.
        unsafe { free(place.cast()) }
    }
}

#[global_allocator]
static MEMORY: Memory = Memory;

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    // JUSTIFICATION: a panic ends the program, and only the system can do that.
    // SAFETY: abort has no preconditions.
    unsafe { abort() }
}

/// `alloc` was compiled to unwind and names these two; with `panic = "abort"` nobody calls them.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    // JUSTIFICATION: as in `panic`.
    // SAFETY: as in `panic`.
    unsafe { abort() }
}
