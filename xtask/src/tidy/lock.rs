//! What must not be among the dependencies, direct or not.

use super::Finding;
use crate::files::File;

/// Packages that are not let in, whoever asks for them, and what is used in their place.
const FORBIDDEN: &[(&str, &str)] = &[
    ("openssl", "rustls with ring"),
    ("openssl-sys", "rustls with ring"),
    ("native-tls", "rustls with ring"),
    ("reqwest", "the transport of telemetry-delivery"),
    ("aws-lc-rs", "ring"),
    ("aws-lc-sys", "ring"),
    ("zstd-sys", "ruzstd"),
    ("lz4-sys", "lz4_flex"),
];

/// Who needs one of these builds something that is not Rust.
const C_BUILDERS: &[&str] = &["cc", "cmake", "bindgen", "pkg-config"];

/// The one package that may.
const C_ALLOWED: &[&str] = &["ring"];

const LOCK: &str = "Cargo.lock";

pub(super) fn check(files: &[File]) -> Vec<Finding> {
    files.iter().find(|file| file.path == LOCK).map_or_else(
        || vec![Finding::new(LOCK, "missing; it is committed")],
        |file| check_packages(&packages(&file.text)),
    )
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Locked<'a> {
    name: &'a str,
    dependencies: Vec<&'a str>,
}

fn check_packages(packages: &[Locked<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in packages {
        let name = package.name;
        if let Some((_, instead)) = FORBIDDEN.iter().find(|(forbidden, _)| *forbidden == name) {
            findings.push(Finding::new(
                LOCK,
                format!(
                    "`{name}` is not let in; `cargo tree -i {name}` shows who asks for it, use {instead}"
                ),
            ));
        }
        let builder = package
            .dependencies
            .iter()
            .find(|dependency| C_BUILDERS.contains(dependency));
        if let Some(builder) = builder.filter(|_| !C_ALLOWED.contains(&name)) {
            findings.push(Finding::new(
                LOCK,
                format!(
                    "`{name}` builds C (it needs `{builder}`); `cargo tree -i {name}` shows who asks for it, find one in Rust"
                ),
            ));
        }
    }
    findings
}

/// Reads the names, and the names of the dependencies, from a lock file.
///
/// Cargo writes one key or one array element per line, so nothing more than lines is needed.
fn packages(lock: &str) -> Vec<Locked<'_>> {
    let mut packages: Vec<Locked<'_>> = Vec::new();
    for line in lock.lines().map(str::trim) {
        if line == "[[package]]" {
            packages.push(Locked::default());
            continue;
        }
        let Some(package) = packages.last_mut() else {
            continue;
        };
        if let Some(name) = line.strip_prefix("name = ") {
            package.name = name.trim_matches('"');
        } else if let Some(element) = line.strip_prefix('"') {
            // `"name"`, or `"name version"` when there are several of that name.
            let name = element.split(['"', ' ']).next().unwrap_or_default();
            package.dependencies.push(name);
        }
    }
    packages
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = r#"
version = 4

[[package]]
name = "ring"
version = "0.17.14"
dependencies = [
 "cc",
 "windows-sys 0.52.0",
]

[[package]]
name = "zstd-sys"
dependencies = [
 "cc",
]
"#;

    #[test]
    fn the_lock_file_is_read_by_lines() {
        let packages = packages(SAMPLE);
        assert_eq!(packages.len(), 2);
        assert_eq!(packages[0].name, "ring");
        assert_eq!(packages[0].dependencies, ["cc", "windows-sys"]);
    }

    #[test]
    fn only_ring_may_build_c() {
        let findings = check_packages(&packages(SAMPLE));
        assert_eq!(findings.len(), 2);
        assert!(findings[0].what.contains("use ruzstd"));
        assert!(findings[1].what.contains("builds C"));
    }
}
