//! Certificates of the tests' own authority.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{ServerConfig, pki_types::PrivateKeyDer};

/// The name that the certificate is for.
pub const HOST: &str = "localhost";

/// An authority that only this test knows, and a server's certificate by it.
#[derive(Clone)]
pub struct Authority {
    pub server: Arc<ServerConfig>,
    file: PathBuf,
}

impl Authority {
    /// Its own certificate is written into `dir`.
    ///
    /// # Panics
    /// If it can't be made or written.
    pub fn new(dir: &Path) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let file = dir.join("authority.pem");
        std::fs::write(&file, params.self_signed(&key).expect("a certificate").pem()).expect("it is written");
        let issuer = Issuer::from_params(&params, &key);
        let own_key = KeyPair::generate().expect("a key");
        let own = CertificateParams::new(vec![HOST.to_owned()]).expect("a name");
        let own = own.signed_by(&own_key, &issuer).expect("a certificate");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring has them")
            .with_no_client_auth()
            .with_single_cert(vec![own.der().clone()], PrivateKeyDer::Pkcs8(own_key.serialize_der().into()))
            .expect("the key is the certificate's");
        Self { server: Arc::new(server), file }
    }

    /// What has a process trust this authority, and no other.
    pub fn trusted(&self) -> (String, String) {
        ("SSL_CERT_FILE".to_owned(), self.file.display().to_string())
    }
}
