//! Passes the linker the options that a Node-API addon needs.

fn main() {
    napi_build::setup();
    // The tests implement Node-API themselves. The addon's code finds those functions among the exports of the executable.
    println!("cargo:rustc-link-arg-tests=-rdynamic");
}
