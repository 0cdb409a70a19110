use aliyun_log_sdk_protobuf::LogGroup;
use sls_core::model::{Cursor, ShardId};

use crate::clock::speedup;
use crate::goals::Selection;
use crate::report::{Marks, Report};
use crate::server::{LISTS, Server};
use crate::work::{CONSUMER, OFFICIAL, OURS, Worker};
use crate::{official, ours};

/// Goal 10: from the request to every key and value seen as `&str`, by a client alone and
/// through the worker of a consumer group.
pub(super) fn run(_: &Selection, report: &mut Report) {
    let server = Server::start();
    let port = server.port().to_string();
    for (name, ..) in LISTS {
        let words = ["pull", &port, name];
        let mut ours = Worker::start(OURS, &words);
        let mut official = Worker::start(OFFICIAL, &words);
        let mut consumer = Worker::start(CONSUMER, &words);
        let values = official.result();
        assert_eq!(ours.result(), values, "the two clients read other values");
        assert_eq!(consumer.result(), values, "the worker reads other values");
        let ratio = speedup(&mut ours, &mut official);
        let marks = Marks::AtLeast {
            floor: 7.0,
            target: 12.0,
        };
        report.add(10, format!("access log, {name}"), ratio, marks);
        let ratio = speedup(&mut consumer, &mut official);
        let case = format!("access log, {name}, through the worker");
        report.add(10, case, ratio, marks);
        let ratio = speedup(&mut consumer, &mut ours);
        let marks = Marks::AtLeast {
            floor: 0.85,
            target: 0.95,
        };
        let case = format!("{name}, the worker to the bare client");
        report.add(10, case, ratio, marks);
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
