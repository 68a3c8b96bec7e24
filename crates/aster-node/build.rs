//! Link settings of a Node addon.
fn main() {
    napi_build::setup();
    // Never unmapped: worker threads may still be leaving when Node unloads.
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo::rustc-link-arg-cdylib=-Wl,-z,nodelete");
    }
    let target = std::env::var("TARGET").unwrap_or_default();
    println!("cargo::rustc-env=ASTER_TARGET={target}");
}
