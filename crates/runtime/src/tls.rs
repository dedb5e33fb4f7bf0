//! One TLS stack in the process: rustls with ring.

/// Makes ring the process's provider. HTTP clients that bring none of their own (the photos' bucket, OpenID
/// Connect) take it; so it comes before the first of them. Again is no error.
pub fn install() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}
