use aliyun_log_sdk_protobuf::LogGroup;
use sls_core::model::{Cursor, ShardId};

use crate::clock::speedup;
use crate::goals::Selection;
use crate::goals::put::runtime;
use crate::ours::Signature;
use crate::report::{Marks, Report};
use crate::server::Server;
use crate::{official, ours};

/// Goal 10: from the request to every key and value seen as `&str`.
pub(super) fn run(_: &Selection, report: &mut Report) {
    let server = Server::start();
    let runtime = runtime();
    let client = ours::client(server.port(), Signature::V1);
    let official = official::client(server.port());
    for (name, ..) in crate::server::LISTS {
        let mut pull_ours = || runtime.block_on(pull_ours(&client, name));
        let mut pull_official = || runtime.block_on(pull_official(&official, name));
        assert_eq!(
            pull_ours(),
            pull_official(),
            "the two clients read other values"
        );
        let ratio = speedup(&mut pull_ours, &mut pull_official);
        let marks = Marks::AtLeast {
            floor: 7.0,
            target: 12.0,
        };
        report.add(10, format!("access log, {name}"), ratio, marks);
    }
}

pub(crate) async fn pull_ours(client: &sls_client::Client, list: &str) -> usize {
    let cursor = Cursor::at_position(1);
    let pull = client.logstore("bench", list).pull(ShardId(0), cursor);
    let pulled = client.send(&pull).await.expect("a list");
    ours::visit(&pulled.groups())
}

pub(crate) async fn pull_official(client: &aliyun_log_rust_sdk::Client, list: &str) -> usize {
    let pull = client
        .pull_logs(official::PROJECT, list, 0)
        .cursor(Cursor::at_position(1).as_str())
        .count(1000);
    let pulled = pull.send().await.expect("a list");
    visit_official(pulled.get_body().log_group_list())
}

fn visit_official(groups: &[LogGroup]) -> usize {
    let mut sum = 0;
    for log in groups.iter().flat_map(|group| group.logs()) {
        sum += *log.time() as usize;
        for content in log.contents() {
            sum += content.key().len() + content.value().len();
        }
    }
    sum
}
