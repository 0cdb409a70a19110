//! The programs around the official Java clients.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::program::Program;
use super::python::fnv1a;
use super::skip::Skip;
use super::world::Programs;
use super::{Failure, Result};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/java-clients");
/// How long it may take to fetch the libraries.
const FETCH_LIMIT: Duration = Duration::from_secs(600);
/// What fetches them; Maven knows no lock file, so its version is here.
const FETCHER: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";
/// Written last, so that a folder without it is known to be half filled.
const COMPLETE: &str = "complete";

/// Libraries that fit together, and the programs around them: a folder of ours.
#[derive(Debug, Clone, Copy)]
pub struct Part(&'static str);

impl Part {
    /// The clients of the log service.
    pub const SLS: Self = Self("sls");
    /// The tracker of GrowingIO, which shares no version of protobuf with the others.
    pub const TRACKER: Self = Self("tracker");

    fn folder(self) -> PathBuf {
        Path::new(FOLDER).join(self.0)
    }

    fn list(self) -> Result<String> {
        let path = self.folder().join("pom.xml");
        let list = fs::read_to_string(&path);
        list.map_err(|error| format!("{}: {error}", path.display()).into())
    }
}

/// Compiled programs with the libraries they need.
#[derive(Debug, Clone)]
pub struct JavaClients {
    part: Part,
    class_path: OsString,
    /// Where libraries unpack what is native, and what a killed program leaves behind.
    scratch: PathBuf,
}

impl JavaClients {
    /// Fetches the libraries to below the target folder unless they are there, and compiles the
    /// programs; a [`Skip`] when there is no JDK, no Maven, or no way to get the libraries.
    ///
    /// # Errors
    /// When all of that is there and the programs do not compile.
    pub async fn prepare(target: &Path, part: Part) -> Result<Result<Self, Skip>> {
        let version = match said("javac", ["--version"]).await {
            Ok(version) => version,
            Err(why) => return Ok(Err(Skip::new(format!("no JDK: {why}")))),
        };
        let list = part.list()?;
        let hash = fnv1a(format!("{FETCHER}\n{list}").as_bytes());
        let home = target.join("suites").join("java");
        let dir = home.join(format!("{}-{hash:016x}", part.0));
        let libraries = dir.join("libraries");
        if !dir.join(COMPLETE).exists() {
            println!("fetching the libraries of {list} with Maven", list = part.0);
            if let Err(why) = fetch(part, &home, &libraries).await {
                let reason = format!("the libraries cannot be had: {why}");
                return Ok(Err(Skip::new(reason)));
            }
            fs::write(dir.join(COMPLETE), "")?;
        }
        println!(
            "compiling the programs of {} with {}",
            part.0,
            version.trim()
        );
        let classes = dir.join("classes");
        let all = libraries.join("*");
        compile(part, &all, &classes).await?;
        let scratch = home.join("scratch");
        fs::create_dir_all(&scratch)?;
        let class_path = std::env::join_paths([classes, all])?;
        Ok(Ok(Self {
            part,
            class_path,
            scratch,
        }))
    }

    /// The version of a library.
    ///
    /// # Errors
    /// When the list of libraries has no such one.
    pub fn version_of(&self, artifact: &str) -> Result<String> {
        let list = self.part.list()?;
        listed(&list, artifact)
            .map(str::to_owned)
            .ok_or_else(|| format!("{artifact} is not in pom.xml").into())
    }
}

impl Programs for JavaClients {
    fn command<'a>(&self, name: &str, args: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = Command::new("java");
        command
            // Most of the time would go into compiling what runs once.
            .args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m"])
            .arg(property("java.io.tmpdir", &self.scratch))
            .args(["-Dfile.encoding=UTF-8", "-cp"])
            .arg(&self.class_path)
            .args(["Main", name])
            .args(args)
            .env_remove("JAVA_TOOL_OPTIONS")
            .env_remove("JDK_JAVA_OPTIONS");
        command
    }
}

async fn fetch(part: Part, home: &Path, libraries: &Path) -> Result<()> {
    let mut maven = Command::new(if cfg!(windows) { "mvn.cmd" } else { "mvn" });
    maven
        .args(["--quiet", "--batch-mode", FETCHER])
        .arg(property("maven.repo.local", &home.join("repository")))
        .arg(property("outputDirectory", libraries))
        .current_dir(part.folder());
    let maven = Program::new(maven).with_limit(FETCH_LIMIT);
    maven.run("").await.map(drop)
}

fn property(name: &str, path: &Path) -> OsString {
    let mut text = OsString::from(format!("-D{name}="));
    text.push(path);
    text
}

async fn compile(part: Part, libraries: &Path, classes: &Path) -> Result<()> {
    let mut sources = Vec::new();
    for entry in fs::read_dir(part.folder())? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "java")
        {
            sources.push(path);
        }
    }
    let mut javac = Command::new("javac");
    javac
        .args([
            "-nowarn",
            "-proc:none",
            "-encoding",
            "UTF-8",
            "--release",
            "17",
        ])
        .arg("-d")
        .arg(classes)
        .arg("-cp")
        .arg(libraries)
        .args(sources);
    let compiled = Program::new(javac).run("").await;
    compiled
        .map(drop)
        .map_err(|why| -> Failure { format!("the programs do not compile: {why}").into() })
}

async fn said<'a>(program: &str, args: impl IntoIterator<Item = &'a str>) -> Result<String> {
    let mut command = Command::new(program);
    command.args(args);
    Program::new(command).run("").await
}

fn listed<'a>(list: &'a str, artifact: &str) -> Option<&'a str> {
    let (_, rest) = list.split_once(&format!("<artifactId>{artifact}</artifactId>"))?;
    let (_, rest) = rest.split_once("<version>")?;
    Some(rest.split_once('<')?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_of_libraries_tell_versions() {
        let list = "<artifactId>a</artifactId>\n<version>1</version>\n<artifactId>a-b</artifactId>\n<version>2.0</version>";
        assert_eq!(listed(list, "a-b"), Some("2.0"));
        assert_eq!(listed(list, "a"), Some("1"));
        assert_eq!(listed(list, "b"), None);
    }

    #[test]
    fn every_library_is_listed_with_one_version() {
        for part in [Part::SLS, Part::TRACKER] {
            let list = part.list().unwrap();
            let dependencies = list.matches("<dependency>").count();
            assert!(dependencies > 0);
            // And the project's own.
            assert_eq!(list.matches("<version>").count(), dependencies + 1);
            assert!(
                !list.contains("<version>[") && !list.contains("SNAPSHOT"),
                "{part:?}"
            );
        }
    }
}
