//! What a public page costs beside a static file of the same bytes served by nginx with one worker: the same client, in
//! turn, in one run. Costs are processor time (of all processes of each server, by the kernel's count), so that the
//! client beside them does not count; the figure is pages per second of one core, and the ratio of both: machines differ.
//! And what a first view of each public page weighs on the wire, fonts aside.
//!
//! `make bench`, or `PAGES=500 make bench` for a quick look.

#![allow(clippy::print_stdout, reason = "its figures are what it is for")]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::Stdio,
};

use e2e::{
    platform::{Platform, data_dir},
    until,
};
use futures::{StreamExt as _, stream};
use reqwest::Client;
use tokio::process::{Child, Command};

/// Of a first view, compressed.
const WIRE_MAX: usize = 60 * 1024;
/// Of one page.
const CPU_MS_MAX: f64 = 2.0;
/// Requests under way at once.
const AT_ONCE: usize = 8;
/// In turn, so that what disturbs the machine disturbs all.
const ROUNDS: usize = 5;
/// The kernel counts processor time in hundredths of a second, on Linux.
const TICK_MS: f64 = 10.0;

const MEASURED: &str = "/thu-vien";
const SEARCH: &str = "/tra-cuu?q=m%E1%BB%99t%20c%E1%BB%ADa";
const PUBLIC: [&str; 6] = ["/", MEASURED, "/thu-vien/mau-001", SEARCH, "/theo-doi", "/dang-nhap"];
const NGINX: &str = "nginx";

#[tokio::main]
async fn main() {
    // `cargo test --benches` runs this too; it is no test.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let pages: usize = std::env::var("PAGES").map_or(5_000, |n| n.parse().expect("a number"));
    let dir = data_dir();
    let platform = Platform::up_with_sample(dir.path()).await;
    platform.settle().await;
    let client = e2e::rest::client();
    let heavy = weights(&client, &platform.endpoints.http).await;

    let page = client.get(format!("{}{MEASURED}", platform.endpoints.http)).send().await.expect("a page");
    let bytes = page.bytes().await.expect("its bytes");
    let nginx = Nginx::start(&bytes).await;
    let (site, id) = (platform.endpoints.http.as_str(), platform.process_id());
    let session = platform.token("officer", None).await;
    let mut servers = vec![
        Server::new("gateway", format!("{site}{MEASURED}"), id),
        Server { gzip: true, ..Server::new("gateway, gzip", format!("{site}{MEASURED}"), id) },
        Server { gzip: true, ..Server::new("gateway, the asking form, gzip", format!("{site}/"), id) },
        // For whoever is signed in nothing is kept: this is what a change costs the first who looks, in all processes.
        Server {
            session,
            bound: false,
            ..Server::new("gateway, written anew, with what the services do", format!("{site}{MEASURED}"), id)
        },
        Server { bound: false, ..Server::new("a search, with its embedding", format!("{site}{SEARCH}"), id) },
    ];
    if let Some(nginx) = &nginx {
        let url = format!("{}/page.html", nginx.url);
        servers.push(Server { bound: false, ..Server::new(NGINX, url, nginx.process_id()) });
    }
    println!("{MEASURED}, {} bytes, {pages} pages of each server, {AT_ONCE} at once", bytes.len());
    for server in &mut servers {
        server.ask(&client, pages / 10 + 1).await;
        (server.spent_ms, server.pages) = (0.0, 0);
    }
    for _ in 0..ROUNDS {
        for server in &mut servers {
            server.ask(&client, pages.div_ceil(ROUNDS)).await;
        }
    }
    for server in &servers {
        println!(
            "{}: {:.3} ms of processor a page, {:.0} pages/s per core",
            server.name,
            server.cost(),
            1000.0 / server.cost()
        );
    }
    if let Some(nginx) = servers.iter().find(|server| server.name == NGINX) {
        println!("gateway / nginx, pages per second per core: {:.3}", nginx.cost() / servers[0].cost());
    } else {
        println!("nginx is not here: no comparison (deploy/nginx.sh installs it as root)");
    }
    let slow = servers.iter().any(|server| server.bound && server.cost() > CPU_MS_MAX);
    platform.stop().await;
    assert!(heavy.is_empty(), "over {WIRE_MAX} bytes: {heavy:?}");
    assert!(!slow, "a page costs more than {CPU_MS_MAX} ms of processor");
}

/// One side of the comparison, and what was counted of it.
struct Server {
    name: &'static str,
    url: String,
    process_id: u32,
    gzip: bool,
    /// Of who is signed in; empty: nobody.
    session: String,
    /// Whether a page of it must keep within [`CPU_MS_MAX`].
    bound: bool,
    spent_ms: f64,
    pages: u32,
}

impl Server {
    fn new(name: &'static str, url: String, process_id: u32) -> Self {
        let session = String::new();
        Self { name, url, process_id, gzip: false, session, bound: true, spent_ms: 0.0, pages: 0 }
    }

    async fn ask(&mut self, client: &Client, count: usize) {
        let before = spent(self.process_id);
        let asked = stream::iter(0..count).map(|_| {
            let mut request = client.get(&self.url);
            if self.gzip {
                request = request.header("accept-encoding", "gzip");
            }
            if !self.session.is_empty() {
                request = request.header("cookie", format!("motcua_session={}", self.session));
            }
            async move {
                let response = request.send().await.expect("an answer");
                assert!(response.status().is_success(), "{response:?}");
                response.bytes().await.expect("its bytes").len()
            }
        });
        let lengths: BTreeSet<usize> = asked.buffer_unordered(AT_ONCE).collect().await;
        // A form has an id of its own, which packs a little differently each time.
        let ends = lengths.first().zip(lengths.last());
        let alike = ends.is_some_and(|(least, most)| *least > 0 && most - least < 64);
        assert!(alike, "{} answers differently: {lengths:?}", self.name);
        let after = spent(self.process_id);
        // A process that began meanwhile counts from its beginning.
        let ticks: u64 = after.iter().map(|(id, ticks)| ticks - before.get(id).unwrap_or(&0)).sum();
        self.spent_ms += f64::from(u32::try_from(ticks).expect("not for years")) * TICK_MS;
        self.pages += u32::try_from(count).expect("bounded");
    }

    /// Milliseconds of processor for a page.
    fn cost(&self) -> f64 {
        // At least half a tick: what is too little to count is not nothing.
        self.spent_ms.max(TICK_MS / 2.0) / f64::from(self.pages)
    }
}

/// The processor time of a process and all that descend from it, in ticks.
fn spent(root: u32) -> BTreeMap<u32, u64> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir("/proc").expect("Linux") {
        let Some(id) = entry.ok().and_then(|entry| entry.file_name().to_str()?.parse().ok()) else {
            continue;
        };
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{id}/stat")) else { continue };
        // The name, in brackets, may hold anything.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let number = |n: usize| fields.get(n).and_then(|field| field.parse::<u64>().ok()).unwrap_or_default();
        let parent = u32::try_from(number(1)).unwrap_or_default();
        all.insert(id, (parent, number(11) + number(12)));
    }
    let descends = |mut id: u32| {
        while id != root && id > 1 {
            id = all.get(&id).map_or(0, |(parent, _)| *parent);
        }
        id == root
    };
    all.iter().filter(|(id, _)| descends(**id)).map(|(id, (_, ticks))| (*id, *ticks)).collect()
}

/// What first views weigh; returns those over the limit.
async fn weights(client: &Client, site: &str) -> Vec<String> {
    let mut heavy = Vec::new();
    for path in PUBLIC {
        let page = weigh(client, site, path).await;
        let text =
            client.get(format!("{site}{path}")).send().await.expect("a page").text().await.expect("a text");
        let assets: BTreeSet<&str> =
            text.split('"').filter(|part| part.starts_with("/assets/") && !part.contains(".woff2")).collect();
        let mut whole = page;
        for asset in &assets {
            whole += weigh(client, site, asset).await;
        }
        println!(
            "first view of {path}: {whole} bytes compressed ({page} of them the page, {} assets)",
            assets.len()
        );
        if whole > WIRE_MAX {
            heavy.push(format!("{path}: {whole}"));
        }
    }
    heavy
}

async fn weigh(client: &Client, site: &str, path: &str) -> usize {
    let request = client.get(format!("{site}{path}")).header("accept-encoding", "gzip");
    let response = request.send().await.expect("an answer");
    assert!(response.status().is_success(), "{path}: {response:?}");
    // This client does not unpack.
    response.bytes().await.expect("its bytes").len()
}

/// nginx with one worker and one file.
struct Nginx {
    url: String,
    child: Child,
    _folder: tempfile::TempDir,
}

impl Nginx {
    /// `None`: it is not here.
    async fn start(page: &[u8]) -> Option<Self> {
        let folders = std::env::var_os("PATH").unwrap_or_default();
        let places = std::env::split_paths(&folders).chain([PathBuf::from("/usr/sbin")]);
        let program = places.map(|folder| folder.join("nginx")).find(|file| file.exists())?;
        let folder = data_dir();
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .expect("a port")
            .local_addr()
            .expect("it is bound")
            .port();
        std::fs::write(folder.path().join("page.html"), page).expect("written");
        std::fs::write(folder.path().join("nginx.conf"), configuration(folder.path(), port))
            .expect("written");
        let child = Command::new(program)
            .arg("-p")
            .arg(folder.path())
            .arg("-c")
            .arg(folder.path().join("nginx.conf"))
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("nginx starts");
        let url = format!("http://127.0.0.1:{port}");
        let client = e2e::rest::client();
        until("nginx", || async { client.get(format!("{url}/page.html")).send().await.ok() }).await;
        Some(Self { url, child, _folder: folder })
    }

    fn process_id(&self) -> u32 {
        self.child.id().expect("it runs")
    }
}

fn configuration(folder: &Path, port: u16) -> String {
    let folder = folder.display();
    format!(
        "daemon off; master_process off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;\n\
         events {{ worker_connections 256; }}\n\
         http {{ access_log off; sendfile on; keepalive_requests 1000000; types {{ text/html html; }}\n\
         client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;\n\
         uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;\n\
         server {{ listen 127.0.0.1:{port}; root {folder}; }} }}\n"
    )
}
