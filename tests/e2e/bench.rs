//! `make bench` runs to its end and says all that it promises.

use std::fs;

use tests::program;

#[test]
fn the_benchmark_measures_every_promised_figure() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("bench.json");
    let arguments = ["--quick".into(), "--out".into(), file.as_os_str().to_owned()];
    let ran = program::run(env!("CARGO_BIN_EXE_bench"), arguments).well();
    let report: serde_json::Value = serde_json::from_slice(&fs::read(file).expect("the figures are written"))
        .expect("the figures are JSON");
    assert_eq!(report["schema"], 1);
    assert!(report["commit"].is_string());
    let figures = report["figures"].as_array().expect("a list of figures");
    for name in [
        "brski.onboard.cpu_ms",
        "brski.onboard.floor_ms",
        "brski.onboard.cpu_over_floor",
        "brski.onboard.per_second",
        "brski.onboard.with_audit_log.cpu_ms",
        "factory.issue.per_second",
    ] {
        let figure = figures.iter().find(|figure| figure["name"] == name).expect("every name is there");
        assert!(figure["value"].as_f64().is_some_and(|value| value > 0.0), "{figure}");
        assert!(ran.text().contains(name), "the table shows {name}");
    }
}
