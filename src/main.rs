//! The `rbuild` program: everything is in the library's `cli` room.

fn main() -> std::process::ExitCode {
    rbuild::cli::main()
}
