//! What the daemon tells as metrics, to Prometheus itself: its checks find nothing, and every panel of the dashboard and every
//! alert that are shipped have what they ask for.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io::Read;
use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use siding_tests::Host;
use siding_tests::Lab;
use siding_tests::Running;
use siding_tests::Siding;
use siding_tests::need;
use siding_tests::wait_for;

const PATIENCE: Duration = Duration::from_secs(60);

const CONFIG: &str = r#"
[stack]
control = "{control}"

[metrics]
listen = "127.0.0.1:9440"

[[interface]]
name = "lan"
driver = "memory"
dad = false
addresses = ["192.0.2.1/24", "2001:db8::1/64"]

[[route]]
to = "2001:db8:77::/48"
via = "2001:db8::9"
weight = 1
"#;

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/metrics").join(name).canonicalize().unwrap()
}

/// A daemon that has dropped something, and knows somebody.
fn daemon(lab: &Lab, host: &Host) -> Siding {
    let daemon = Siding::start(lab, host, &["run"], CONFIG);
    let siding = |arguments: &[&str]| {
        let mut command = Command::new(Siding::binary());
        host.start_command(command.arg("--control").arg(daemon.control()).args(arguments)).finish(PATIENCE)
    };
    siding(&["neighbor", "add", "2001:db8::9", "lladdr", "02:00:00:00:00:09", "dev", "lan"]).expect_success();
    assert!(!siding(&["ping", "-c", "1", "192.0.2.9"]).succeeded(), "nobody is there");
    daemon
}

/// GET in the host's namespace: the body of what is answered.
fn get(host: &Host, at: &str, path: &str, accept: &str) -> String {
    let text = host.inside(|| {
        let mut stream = TcpStream::connect(at)?;
        let request =
            format!("GET {path} HTTP/1.0\r\nHost: {at}\r\nAccept: {accept}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes())?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Ok::<_, std::io::Error>(text)
    });
    // One that does not listen yet has told nothing.
    text.ok().and_then(|text| Some(text.split_once("\r\n\r\n")?.1.to_owned())).unwrap_or_default()
}

#[test]
fn promtool_finds_nothing_in_the_metrics() {
    if !need(&["promtool"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let host = lab.host("ours");
    let daemon = daemon(&lab, &host);
    let page = get(&host, "127.0.0.1:9440", "/metrics", "text/plain");
    let mut check = Command::new("promtool");
    let mut check = check
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    check.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let told = check.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&told.stdout) + String::from_utf8_lossy(&told.stderr);
    assert!(told.status.success() && said.trim().is_empty(), "{said}\n{page}");
    // It has read all of it.
    for line in [
        "# TYPE siding_dropped_packets_total counter",
        "siding_dropped_packets_total{interface=\"lan\",cause=\"unresolved\"} ",
        "siding_interface_dropped_packets_total{interface=\"lan\"} ",
        "siding_device_dropped_packets_total{interface=\"lan\",cause=\"rx-overrun\"} 0",
        "siding_nexthop_groups{version=\"6\"} 1",
        "siding_nexthops{interface=\"lan\",version=\"6\",usable=\"true\"} 1",
        "siding_queue_wait_seconds_bucket{type=\"link_out\",le=\"+Inf\"} ",
        "siding_worker_timed_packets_total{worker=\"0\"} ",
        "siding_worker_step_seconds_total{worker=\"0\",step=\"neighbor\"} ",
    ] {
        assert!(page.lines().any(|there| there.starts_with(line)), "{line}: {page}");
    }
    daemon.stop();
}

/// Prometheus, which scrapes the daemon in the host's namespace, with the rules that are shipped.
struct Prometheus<'h> {
    host: &'h Host,
    _running: Running,
}

impl<'h> Prometheus<'h> {
    const AT: &'static str = "127.0.0.1:9090";

    fn start(lab: &Lab, host: &'h Host) -> Prometheus<'h> {
        let config = lab.directory().join("prometheus.yml");
        let text = format!(
            "global: {{ scrape_interval: 500ms, evaluation_interval: 500ms }}\nrule_files: [{:?}]\nscrape_configs:\n\
             - job_name: siding\n  static_configs: [{{ targets: [\"127.0.0.1:9440\"] }}]\n",
            shipped("alerts.yml")
        );
        fs::write(&config, text).unwrap();
        let config = format!("--config.file={}", config.display());
        let data = format!("--storage.tsdb.path={}", lab.directory().join("prometheus").display());
        let listen = format!("--web.listen-address={}", Self::AT);
        let running = host.start("prometheus", &[&config, &data, &listen, "--log.level=error"]);
        Prometheus { host, _running: running }
    }

    fn ask(&self, path: &str) -> Option<Value> {
        let body = get(self.host, Self::AT, path, "application/json");
        let value: Value = serde_json::from_str(&body).ok()?;
        assert_eq!(value["status"], "success", "{path}: {value}");
        Some(value["data"].clone())
    }

    /// How many series a query has.
    fn series(&self, query: &str) -> usize {
        let mut path = "/api/v1/query?query=".to_owned();
        query.bytes().for_each(|byte| write!(path, "%{byte:02x}").unwrap());
        self.ask(&path).map_or(0, |data| data["result"].as_array().unwrap().len())
    }
}

/// Every query of the dashboard, with its panel's title.
fn panels() -> Vec<(String, String)> {
    let dashboard: Value =
        serde_json::from_str(&fs::read_to_string(shipped("dashboard.json")).unwrap()).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let queries = panels.flat_map(|panel| {
        let targets = panel["targets"].as_array().unwrap().iter();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        targets.map(move |target| (text(&panel["title"]), text(&target["expr"])))
    });
    queries.collect()
}

/// Names of metrics in a text.
fn names(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with("siding_")).map(str::to_owned).collect()
}

#[test]
fn every_panel_has_data_and_every_alert_is_evaluated() {
    if !need(&["prometheus", "promtool"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let host = lab.host("ours");
    host.run("promtool", &["check", "rules", shipped("alerts.yml").to_str().unwrap()]).expect_success();
    let daemon = daemon(&lab, &host);
    let prometheus = Prometheus::start(&lab, &host);
    let panels = panels();
    assert!(panels.len() >= 21, "{panels:?}");
    for (title, query) in &panels {
        let query = query.replace("$__rate_interval", "1m").replace("$instance", ".*");
        assert!(!query.contains('$'), "{title}: {query}");
        wait_for(&format!("data of {title}: {query}"), PATIENCE, || {
            (prometheus.series(&query) > 0).then_some(())
        });
    }
    // An alert that is silent has no data: so what it asks about is looked for.
    let rules = fs::read_to_string(shipped("alerts.yml")).unwrap();
    for name in names(&rules) {
        assert!(prometheus.series(&name) > 0, "{name}: no such metric");
    }
    let evaluated = |rules: Value| {
        let rules = rules["groups"][0]["rules"].as_array()?.clone();
        rules.iter().all(|rule| rule["health"] != "unknown").then_some(rules)
    };
    let all = wait_for("the rules", PATIENCE, || evaluated(prometheus.ask("/api/v1/rules")?));
    assert_eq!(all.len(), rules.matches("- alert:").count());
    for rule in all {
        assert_eq!(
            (rule["health"].as_str(), rule["state"].as_str()),
            (Some("ok"), Some("inactive")),
            "{rule}"
        );
    }
    daemon.stop();
}
