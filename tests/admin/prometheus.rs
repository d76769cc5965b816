//! A Prometheus of the test's own, which scrapes one endpoint every second and is asked by its HTTP API.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use serde_json::Value;

use crate::folder::Folder;
use crate::harness::lines::Lines;
use crate::http;

pub(crate) struct Prometheus {
    child: Child,
    addr: SocketAddr,
    log: Arc<Lines>,
    _folder: Folder,
}

impl Prometheus {
    /// Starts one, with the alert rules that are shipped, and waits until it can be asked.
    #[track_caller]
    pub(crate) fn watch(admin: SocketAddr) -> Self {
        let folder = Folder::new("prometheus");
        let file = folder.path().join("prometheus.yml");
        fs::write(&file, configuration(admin)).expect("the folder is there");
        let addr = own_addr();
        let mut child = Command::new("prometheus")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.path().join("data").display()
            ))
            .arg(format!("--web.listen-address={addr}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it was looked for");
        let log = Lines::gather(child.stderr.take().expect("it is piped"));
        let prometheus = Self {
            child,
            addr,
            log,
            _folder: folder,
        };
        prometheus
            .log
            .wait_for("Server is ready to receive web requests", 1);
        prometheus
    }

    /// What the API says at this path.
    #[track_caller]
    pub(crate) fn ask(&self, path: &str) -> Value {
        // Who asks in HTTP/1.0 is not answered in chunks.
        let answer = http::ask(self.addr, format!("GET /api/v1/{path} HTTP/1.0\r\n\r\n"));
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        let said = answer.json();
        assert_eq!(said["status"], "success", "{path}: {said}");
        said["data"].clone()
    }

    /// The value of an expression that stands for one number, or for none yet.
    #[track_caller]
    pub(crate) fn value(&self, expression: &str) -> Option<f64> {
        let query: String = form_urlencoded::byte_serialize(expression.as_bytes()).collect();
        let data = self.ask(&format!("query?query={query}"));
        let rows = data["result"].as_array().expect("a list");
        assert!(rows.len() <= 1, "{expression}: {data}");
        let text = rows.first()?["value"][1].as_str().expect("a value");
        Some(text.parse().expect("a number"))
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for line in self.log.all() {
                eprintln!("    {line}");
            }
        }
        // It may have ended already: then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn configuration(admin: SocketAddr) -> String {
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/deploy/prometheus/alerts.yml");
    format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}\n\
         rule_files: ['{}']\n\
         scrape_configs:\n- {{job_name: fanout, static_configs: [{{targets: ['{admin}']}}]}}\n",
        rules.display()
    )
}

/// An address that nobody else looks for a port at.
fn own_addr() -> SocketAddr {
    let listener = TcpListener::bind("127.77.0.1:0").expect("loopback has a free port");
    listener.local_addr().expect("it is bound")
}
