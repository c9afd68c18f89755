//! The `rbuild` program: everything is in the library's `cli` room.

fn main() -> std::process::ExitCode {
    rbuild::sys::memory::return_what_is_free();
    rbuild::cli::main()
}
