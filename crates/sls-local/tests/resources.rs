//! Projects and logstores: made, read, changed, listed, deleted, and refused.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

mod support;

use serde_json::{Value, json};
use sls_local::LocalService;
use support::{Draft, LOGSTORE, PROJECT, service};

fn account(method: &'static str, path: &str) -> Draft {
    Draft::new(method, path).header("host", "cn-hangzhou.log.aliyuncs.com")
}

async fn create(service: &LocalService, settings: Value) -> support::Answer {
    Draft::new("POST", "/logstores")
        .json(settings)
        .send(service)
        .await
}

#[tokio::test]
async fn what_does_not_exist_is_named() {
    let (service, _) = service(1).await;
    let nowhere = |method, path: &str| Draft::new(method, path).header("host", "other.localhost");
    for (method, path) in [("GET", "/"), ("DELETE", "/"), ("GET", "/logstores")] {
        let answer = nowhere(method, path).send(&service).await;
        let answer = answer.expect(404, "ProjectNotExist");
        assert!(answer.message().contains("other"));
    }
    for method in ["GET", "DELETE"] {
        let answer = Draft::new(method, "/logstores/none").send(&service).await;
        let answer = answer.expect(404, "LogStoreNotExist");
        assert!(answer.message().contains("none"));
    }
    let answer = account("GET", "/logstores").send(&service).await;
    answer.expect(404, "ProjectNotExist");
}

#[tokio::test]
async fn paths_and_methods_that_nobody_serves_are_refused() {
    let (service, _) = service(1).await;
    for (method, path) in [
        ("GET", "/logstores//shards"),
        ("GET", "/logstores/"),
        ("GET", "/nothing"),
        ("PATCH", "/logstores/golden-store"),
        ("PUT", "/logstores"),
        ("DELETE", "/logstores/golden-store/shards"),
        ("HEAD", "/logstores/golden-store"),
    ] {
        let answer = Draft::new(method, path).send(&service).await;
        assert_eq!(answer.status, 405, "{method} {path}: {answer:?}");
    }
    let answer = Draft::new("GET", "/logstores/golden-store/shards/0")
        .query("type", "else")
        .send(&service)
        .await;
    answer.expect(400, "ParameterInvalid");
}

#[tokio::test]
async fn operations_that_are_left_out_have_no_path() {
    let (service, _) = service(1).await;
    for (method, path) in [
        ("GET", "/machinegroups"),
        ("POST", "/dashboards"),
        ("GET", "/savedsearches"),
        ("POST", "/jobs"),
        ("GET", "/logstores/golden-store/ingestprocessors"),
    ] {
        let answer = Draft::new(method, path).send(&service).await;
        let answer = answer.expect(405, "InvalidMethod");
        assert!(answer.message().contains(path), "{}", answer.message());
    }
}

#[tokio::test]
async fn a_project_is_made_once_and_keeps_what_it_was_made_with() {
    let (service, _) = service(1).await;
    let draft = Draft::new("POST", "/")
        .header("host", "shop.localhost:10240")
        .json(json!({"projectName": "shop", "description": "日志", "resourceGroupId": "rg"}));
    draft.send(&service).await.expect_ok();
    draft
        .send(&service)
        .await
        .expect(400, "ProjectAlreadyExist");
    let get = Draft::new("GET", "/").header("host", "shop.localhost");
    let project = get.send(&service).await.expect_ok().json();
    assert_eq!(project["projectName"], "shop");
    assert_eq!(project["description"], "日志");
    assert_eq!(project["resourceGroupId"], "rg");
    assert_eq!(project["dataRedundancyType"], "LRS");
    assert_eq!(project["status"], "Normal");
    assert_eq!(project["createTime"], "2023-11-14 22:13:20");
    for member in ["owner", "region", "lastModifyTime"] {
        assert!(project[member].is_string(), "{member}");
    }
}

#[tokio::test]
async fn what_was_not_set_is_told_where_a_client_cannot_do_without_it() {
    // The official Rust client refuses the answers in which these members are missing.
    let (service, _) = service(1).await;
    let create = account("POST", "/").json(json!({"projectName": "shop", "description": ""}));
    create.send(&service).await.expect_ok();
    let shop = |path: &str| Draft::new("GET", path).header("host", "shop.localhost");
    let project = shop("/").send(&service).await.expect_ok().json();
    assert_eq!(project["dataRedundancyType"], "LRS");
    let listed = account("GET", "/").query("projectName", "shop");
    let listed = listed.send(&service).await.expect_ok().json();
    assert_eq!(listed["projects"][0]["dataRedundancyType"], "LRS");

    let create = Draft::new("POST", "/logstores")
        .header("host", "shop.localhost")
        .json(json!({"logstoreName": "orders", "ttl": 7, "shardCount": 1}));
    create.send(&service).await.expect_ok();
    let logstore = shop("/logstores/orders")
        .send(&service)
        .await
        .expect_ok()
        .json();
    assert_eq!(logstore["mode"], "standard");
    assert_eq!(logstore["telemetryType"], "");
}

#[tokio::test]
async fn a_project_name_in_the_body_must_be_the_hosts() {
    let (service, _) = service(1).await;
    let draft = account("POST", "/").json(json!({"projectName": "shop"}));
    draft.send(&service).await.expect_ok();
    for body in [
        json!({"projectName": "other"}),
        json!({"projectName": 1}),
        json!([]),
    ] {
        let draft = Draft::new("POST", "/")
            .header("host", "new.localhost")
            .json(body);
        draft.send(&service).await.expect(400, "ParameterInvalid");
    }
    let draft = account("POST", "/").json(json!({}));
    draft.send(&service).await.expect(400, "ParameterInvalid");
    let draft = account("POST", "/").json(json!({"projectName": "Shop"}));
    draft.send(&service).await.expect(400, "ParameterInvalid");
    let draft = account("POST", "/").body("application/json", "{");
    draft.send(&service).await.expect(400, "ParameterInvalid");
}

#[tokio::test]
async fn an_update_changes_the_description_only() {
    let (service, _) = service(1).await;
    let body = json!({"description": "new", "status": "Disable", "projectName": "other"});
    let draft = Draft::new("PUT", "/").json(body);
    draft.send(&service).await.expect_ok();
    let project = Draft::new("GET", "/").send(&service).await.json();
    assert_eq!(project["description"], "new");
    assert_eq!(project["status"], "Normal");
    assert_eq!(project["projectName"], PROJECT);
}

#[tokio::test]
async fn projects_are_listed_by_name_in_pages() {
    let (service, _) = service(1).await;
    for name in ["shop-b", "shop-a", "bank"] {
        service.create_project(name).await.unwrap();
    }
    let list = |offset: usize, size: usize, name: &str| {
        let draft = account("GET", "/")
            .query("offset", offset)
            .query("size", size);
        draft
            .query("projectName", name)
            .query("resourceGroupId", "")
    };
    let names = |answer: support::Answer| {
        let answer = answer.expect_ok().json();
        let names = answer["projects"].as_array().unwrap().iter();
        let names: Vec<_> = names
            .map(|project| project["projectName"].clone())
            .collect();
        assert_eq!(answer["count"], names.len());
        (answer["total"].as_u64().unwrap(), Value::from(names))
    };
    let answer = list(0, 100, "").send(&service).await;
    assert_eq!(
        names(answer),
        (4, json!(["bank", PROJECT, "shop-a", "shop-b"]))
    );
    let answer = list(1, 1, "shop").send(&service).await;
    assert_eq!(names(answer), (2, json!(["shop-b"])));
    let answer = list(9, 1, "").send(&service).await;
    assert_eq!(names(answer), (4, json!([])));
    list(0, 501, "")
        .send(&service)
        .await
        .expect(400, "ParameterInvalid");
}

#[tokio::test]
async fn a_deleted_project_takes_its_logstores_along() {
    let (service, _) = service(1).await;
    Draft::new("DELETE", "/").send(&service).await.expect_ok();
    service.create_project(PROJECT).await.unwrap();
    let list = Draft::new("GET", "/logstores").send(&service).await.json();
    assert_eq!(list, json!({"count": 0, "total": 0, "logstores": []}));
}

#[tokio::test]
async fn a_logstore_keeps_settings_it_has_no_use_for() {
    let (service, _) = service(1).await;
    let settings = json!({
        "logstoreName": "orders", "ttl": 7, "shardCount": 3, "hot_ttl": 7, "mode": "query",
        "encrypt_conf": {"enable": false},
    });
    create(&service, settings).await.expect_ok();
    let got = Draft::new("GET", "/logstores/orders").send(&service).await;
    let got = got.expect_ok().json();
    for (member, want) in [
        ("logstoreName", json!("orders")),
        ("ttl", json!(7)),
        ("shardCount", json!(3)),
        ("enable_tracking", json!(false)),
        ("autoSplit", json!(true)),
        ("maxSplitShard", json!(64)),
        ("appendMeta", json!(false)),
        ("telemetryType", json!("")),
        ("hot_ttl", json!(7)),
        ("mode", json!("query")),
        ("encrypt_conf", json!({"enable": false})),
        ("createTime", json!(1_700_000_000)),
        ("lastModifyTime", json!(1_700_000_000)),
    ] {
        assert_eq!(got[member], want, "{member}");
    }
}

#[tokio::test]
async fn a_negative_number_of_shards_to_split_into_is_none_given() {
    let (service, _) = service(1).await;
    let settings = json!({
        "logstoreName": "orders", "ttl": 7, "shardCount": 3, "maxSplitShard": -1,
        "resourceQuota": {"storage": {"preserved": -1}},
    });
    create(&service, settings).await.expect_ok();
    let put = Draft::new("PUT", "/logstores/orders").json(json!({"maxSplitShard": 16}));
    put.send(&service).await.expect_ok();
    let put = Draft::new("PUT", "/logstores/orders").json(json!({"maxSplitShard": -1}));
    put.send(&service).await.expect_ok();
    let got = Draft::new("GET", "/logstores/orders").send(&service).await;
    assert_eq!(got.expect_ok().json()["maxSplitShard"], 16);
}

#[tokio::test]
async fn logstore_settings_outside_their_range_are_refused() {
    let (service, _) = service(1).await;
    for settings in [
        json!({"ttl": 1, "shardCount": 1}),
        json!({"logstoreName": "x", "ttl": 1, "shardCount": 1}),
        json!({"logstoreName": "Orders", "ttl": 1, "shardCount": 1}),
        json!({"logstoreName": "orders", "ttl": 0, "shardCount": 1}),
        json!({"logstoreName": "orders", "ttl": 3651, "shardCount": 1}),
        json!({"logstoreName": "orders", "ttl": 1, "shardCount": 0}),
        json!({"logstoreName": "orders", "ttl": 1, "shardCount": 257}),
        json!({"logstoreName": "orders", "ttl": "one", "shardCount": 1}),
        json!({"logstoreName": "orders", "ttl": 1, "shardCount": 1, "x": "y".repeat(70_000)}),
    ] {
        create(&service, settings)
            .await
            .expect(400, "LogStoreInfoInvalid");
    }
    let again = json!({"logstoreName": LOGSTORE, "ttl": 1, "shardCount": 1});
    create(&service, again)
        .await
        .expect(400, "LogStoreAlreadyExist");
}

#[tokio::test]
async fn an_update_of_a_logstore_keeps_what_it_does_not_mention() {
    let (service, clock) = service(2).await;
    clock.advance(std::time::Duration::from_secs(60));
    let put = |body| Draft::new("PUT", format!("/logstores/{LOGSTORE}")).json(body);
    let body = json!({"logstoreName": LOGSTORE, "ttl": 90, "shardCount": 2, "createTime": 1});
    put(body).send(&service).await.expect_ok();
    let get = Draft::new("GET", format!("/logstores/{LOGSTORE}"));
    let got = get.send(&service).await.json();
    assert_eq!(got["ttl"], 90);
    assert_eq!(got["maxSplitShard"], 64);
    assert_eq!(got["createTime"], 1_700_000_000);
    assert_eq!(got["lastModifyTime"], 1_700_000_060);
    for body in [json!({"shardCount": 3}), json!({"logstoreName": "other"})] {
        put(body)
            .send(&service)
            .await
            .expect(400, "ParameterInvalid");
    }
}

#[tokio::test]
async fn logstores_are_listed_by_name_in_pages() {
    let (service, _) = service(1).await;
    for name in ["web-b", "web-a"] {
        let settings = json!({"logstoreName": name, "ttl": 1, "shardCount": 1});
        create(&service, settings).await.expect_ok();
    }
    let list = |offset: usize, size: usize, name: &str| {
        let draft = Draft::new("GET", "/logstores").query("logstoreName", name);
        draft.query("offset", offset).query("size", size)
    };
    let got = list(0, 500, "").send(&service).await.json();
    let want = json!({"count": 3, "total": 3, "logstores": [LOGSTORE, "web-a", "web-b"]});
    assert_eq!(got, want);
    let got = list(1, 5, "web").send(&service).await.json();
    assert_eq!(got, json!({"count": 1, "total": 2, "logstores": ["web-b"]}));
}

#[tokio::test]
async fn shards_divide_the_keys_evenly() {
    let (service, _) = service(2).await;
    let list = Draft::new("GET", format!("/logstores/{LOGSTORE}/shards"));
    let shards = list.send(&service).await.expect_ok().json();
    assert_eq!(
        shards,
        json!([
            {"shardID": 0, "status": "readwrite", "createTime": 1_700_000_000,
             "inclusiveBeginKey": "0".repeat(32), "exclusiveEndKey": format!("8{}", "0".repeat(31))},
            {"shardID": 1, "status": "readwrite", "createTime": 1_700_000_000,
             "inclusiveBeginKey": format!("8{}", "0".repeat(31)), "exclusiveEndKey": "f".repeat(32)},
        ])
    );
}

#[tokio::test]
async fn every_answer_says_when_and_by_whom_it_was_given() {
    let (service, _) = service(1).await;
    for path in ["/logstores", "/nothing"] {
        let answer = Draft::new("GET", path).send(&service).await;
        assert_eq!(answer.header("date"), "Tue, 14 Nov 2023 22:13:20 GMT");
        assert_eq!(answer.header("x-log-time"), "1700000000");
        assert_eq!(answer.header("server"), "sls-local");
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(answer.header("content-type"), "application/json");
    }
}

#[tokio::test]
async fn an_index_is_made_once_and_given_back_with_what_is_not_understood() {
    let (service, clock) = service(1).await;
    let index = |method| Draft::new(method, format!("/logstores/{LOGSTORE}/index"));
    index("GET")
        .send(&service)
        .await
        .expect(404, "IndexConfigNotExist");
    let settings = json!({
        "line": {"token": [",", " "], "caseSensitive": false},
        "keys": {"level": {"type": "text", "token": [","], "embedding": "x"}},
        "ttl": 1, "log_reduce": true,
    });
    for method in ["PUT", "DELETE"] {
        let answer = index(method).json(settings.clone()).send(&service).await;
        let answer = answer.expect(400, "ParameterInvalid");
        assert!(answer.message().contains("is not created"));
    }
    index("POST")
        .json(settings.clone())
        .send(&service)
        .await
        .expect_ok();
    let again = index("POST").json(settings.clone()).send(&service).await;
    again.expect(400, "IndexAlreadyExist");
    let mut want = settings;
    want["ttl"] = json!(30);
    want["lastModifyTime"] = json!(1_700_000_000);
    want["storage"] = json!("pg");
    want["index_mode"] = json!("v2");
    assert_eq!(index("GET").send(&service).await.expect_ok().json(), want);

    clock.advance(std::time::Duration::from_secs(9));
    let changed = json!({"keys": {"n": {"type": "long"}}});
    index("PUT").json(changed).send(&service).await.expect_ok();
    let found = index("GET").send(&service).await.json();
    assert_eq!(
        (&found["line"], &found["lastModifyTime"]),
        (&json!(null), &json!(1_700_000_009))
    );
    index("PUT")
        .json(json!({}))
        .send(&service)
        .await
        .expect(400, "IndexInfoInvalid");
    index("DELETE").send(&service).await.expect_ok();
    index("GET")
        .send(&service)
        .await
        .expect(404, "IndexConfigNotExist");
}
