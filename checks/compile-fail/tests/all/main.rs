//! What the compiler refuses, and what it takes without std.

mod compile_fail;
mod no_std;
