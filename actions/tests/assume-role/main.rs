//! `lockgate assume-role` through the binary. A name that begins with `trap_<n>` is the n-th known way to get this wrong:
//! a retried denial, a reused token, an unmasked secret and so on.

mod attempts;
mod denials;
mod emulated;
mod guards;
mod kit;
mod results;
