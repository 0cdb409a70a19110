//! One process, its logger and its subscriber: everything here shares them.

use std::time::Duration;

use sls_core::model::LogstoreConfig;
use sls_local::LocalServer;
use sls_logging::Error;

const LONG: Duration = Duration::from_secs(30);

fn configuration(server: &LocalServer, level: &str) -> String {
    let key = server.credentials();
    format!(
        "[root]\nlevel = \"{level}\"\nhandlers = [\"sls\"]\n[handlers.sls]\ntype = \"sls\"\n\
         endpoint = \"{}\"\nproject = \"shop\"\nlogstore = \"app\"\naccess_key_id = \"{}\"\n\
         access_key_secret = \"{}\"\nput_wait = \"1h\"\nclose_wait = 30\n",
        server.endpoint(),
        key.access_key_id(),
        key.access_key_secret(),
    )
}

fn messages(server: &LocalServer) -> Vec<String> {
    let stored = server.logs("shop", "app");
    let logs = stored.iter().flat_map(|stored| &stored.group.logs);
    let contents = logs.flat_map(|log| &log.contents);
    contents
        .filter(|pair| pair.key.as_bytes() == b"message")
        .map(|pair| pair.value.to_string())
        .collect()
}

#[test]
fn a_file_sets_up_both_front_ends_and_can_change_and_end_and_begin_again() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(async {
        let server = LocalServer::builder().start().await.unwrap();
        server.service().create_project("shop").await.unwrap();
        let config = LogstoreConfig::named("app").with_shard_count(1);
        let made = server.service().create_logstore("shop", config).await;
        made.unwrap();
        server
    });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("logging.toml");

    // A file that is wrong installs nothing.
    std::fs::write(&path, "[root]\nlevel = 5.5\n").unwrap();
    assert!(matches!(
        sls_logging::init_from_file(&path),
        Err(Error::Config(_))
    ));

    std::fs::write(&path, configuration(&server, "info")).unwrap();
    let guard = sls_logging::init_from_file(&path).unwrap();
    log::info!("from log");
    tracing::info!("from tracing");
    log::debug!("below the level");
    tracing::debug!("below the level");
    assert!(guard.flush(LONG));
    assert_eq!(messages(&server), ["from log", "from tracing"]);

    // There is one of each in a process.
    assert!(matches!(
        sls_logging::init_from_file(&path),
        Err(Error::AlreadyInstalled { .. })
    ));

    // Call sites that were asked before are asked again.
    let say = || {
        log::debug!("debug of log");
        tracing::debug!("debug of tracing");
    };
    say();
    std::fs::write(&path, configuration(&server, "debug")).unwrap();
    guard.reload().unwrap();
    say();
    assert!(guard.flush(LONG));
    assert_eq!(messages(&server)[2..], ["debug of log", "debug of tracing"]);

    let reports = guard.close(LONG);
    assert_eq!(reports[0].1.total.delivered, 4);
    assert_eq!(log::max_level(), log::LevelFilter::Off);
    log::error!("nobody is there");

    std::fs::write(&path, configuration(&server, "warn")).unwrap();
    let guard = sls_logging::init_from_file(&path).unwrap();
    log::warn!("log again");
    tracing::warn!("tracing again");
    drop(guard);
    assert_eq!(messages(&server)[4..], ["log again", "tracing again"]);
}
