//! Tells the linker what a Node-API addon needs.

fn main() {
    napi_build::setup();
    // The tests are their own host: Node-API's functions are looked for among what the executable exports.
    println!("cargo:rustc-link-arg-tests=-rdynamic");
}
