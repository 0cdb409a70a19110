use serde_json::{Value, json};
use sls_core::api::ListLogstores;
use sls_core::model::LogstoreConfig;

use super::project::size;
use super::{Call, Failure, Returned, to_json};

/// The names of the settings among the arguments.
const SETTINGS: [&str; 13] = [
    "ttl",
    "shard_count",
    "enable_tracking",
    "append_meta",
    "auto_split",
    "max_split_shard",
    "preserve_storage",
    "encrypt_conf",
    "telemetry_type",
    "hot_ttl",
    "mode",
    "infrequent_access_ttl",
    "enable_modify",
];

pub(super) async fn perform(call: &Call<'_>) -> Returned {
    let Call { args, logstore, .. } = call;
    match call.name {
        "create_logstore" => {
            args.known(&SETTINGS)?;
            let mut config = LogstoreConfig::named(logstore.name());
            set(&mut config, call)?;
            if let Some(shards) = args.number("shard_count")? {
                config.shard_count = shards;
            }
            Ok(logstore.create(config).await.map(|()| json!({})))
        }
        "get_logstore" => {
            args.known(&[])?;
            Ok(logstore.get().await.map(|config| described(&config)))
        }
        "update_logstore" => {
            args.known(&SETTINGS)?;
            // Settings that cannot be read are found before anything is sent.
            set(&mut LogstoreConfig::named(""), call)?;
            // The recorded client has an argument for the number of shards and ignores it.
            let got = logstore
                .update(|config| {
                    let _ = set(config, call);
                })
                .await;
            Ok(got.map(|()| json!({})))
        }
        "delete_logstore" => {
            args.known(&[])?;
            Ok(logstore.delete().await.map(|()| json!({})))
        }
        "list_logstore" | "list_logstores" => {
            args.known(&["offset", "size", "pattern"])?;
            let mut list = ListLogstores::new(logstore.project());
            // The older of the two names leaves the part of the list to the service.
            if call.name == "list_logstore" {
                list = list
                    .with_offset(args.number("offset")?.unwrap_or_default())
                    .with_size(size(call)?.unwrap_or(100));
            }
            if let Some(part) = args.optional_text("pattern") {
                list = list.with_name(part);
            }
            let got = call.client.list_logstores(&list).await;
            Ok(got.map(|page| {
                json!({
                    "logstores": page.items,
                    "count": page.items.len(),
                    "total": page.total,
                })
            }))
        }
        _ => Err(call.pending()),
    }
}

/// Takes over the arguments that are there, with the recorded client's notion of absent.
fn set(config: &mut LogstoreConfig, call: &Call<'_>) -> Result<(), Failure> {
    let args = &call.args;
    config.ttl = args.number("ttl")?.unwrap_or(config.ttl);
    if args.flag("preserve_storage") == Some(true) {
        config.ttl = 3650;
    }
    let flag = |name, present| args.flag(name).unwrap_or(present);
    config.enable_tracking = flag("enable_tracking", config.enable_tracking);
    config.append_meta = flag("append_meta", config.append_meta);
    config.auto_split = flag("auto_split", config.auto_split);
    let most = args.number("max_split_shard")?;
    config.max_split_shard = most.unwrap_or(config.max_split_shard);
    if let Some(kind) = args.optional_text("telemetry_type") {
        let known = ["Metrics", "None", "Event"].contains(&kind);
        config.telemetry_type = if known { kind } else { "" }.to_owned();
    }
    let days = |name| -> Result<Option<i32>, String> {
        let days = args.signed(name)?.filter(|days| *days >= 0);
        days.map(|days| i32::try_from(days).map_err(|error| error.to_string()))
            .transpose()
    };
    config.hot_ttl = days("hot_ttl")?.or(config.hot_ttl);
    config.infrequent_access_ttl = days("infrequent_access_ttl")?.or(config.infrequent_access_ttl);
    if let Some(mode) = args.optional_text("mode") {
        config.mode = Some(mode.to_owned());
    }
    if args.flag("enable_modify") == Some(true) {
        config.enable_modify = Some(true);
    }
    match args.value("encrypt_conf") {
        Value::Null => {}
        found => {
            let found = serde_json::from_value(found.clone());
            config.encrypt_conf = Some(found.map_err(|error| error.to_string())?);
        }
    }
    Ok(())
}

/// The settings under the names on the wire and under the recorded client's own.
fn described(config: &LogstoreConfig) -> Value {
    let mut fields = to_json(config);
    let own = json!({
        "logstore_name": config.name,
        "ttl": config.ttl,
        "shard_count": config.shard_count,
        "enable_tracking": config.enable_tracking,
        "enable_modify": config.enable_modify.unwrap_or(false),
        "append_meta": config.append_meta,
        "auto_split": config.auto_split,
        "max_split_shard": config.max_split_shard,
        "preserve_storage": config.ttl >= 3650,
        "encrypt_conf": config.encrypt_conf,
        "mode": config.mode,
        "hot_ttl": config.hot_ttl.unwrap_or(-1),
        "telemetry_type": config.telemetry_type,
        "infrequent_access_ttl": config.infrequent_access_ttl,
    });
    if let (Some(fields), Value::Object(own)) = (fields.as_object_mut(), own) {
        fields.extend(own);
    }
    let mut returned = fields.clone();
    returned["fields"] = fields;
    returned["body"] = to_json(config);
    returned
}
