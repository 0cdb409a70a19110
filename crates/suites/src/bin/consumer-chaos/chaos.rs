//! What is broken, and when.

use std::time::Duration;

use serde_json::{Value, json};
use suites::clients::Result;
use suites::random::Random;
use tokio::time::{Instant, sleep};

use crate::process::Stage;
use crate::{Plan, TIMEOUT};

/// Breaks one thing after the other until the time is over.
pub(crate) async fn rage(stage: &mut Stage, plan: Plan) -> Result<()> {
    let mut random = Random::new(plan.seed);
    let end = Instant::now() + plan.during;
    // Something to break.
    sleep(Duration::from_secs(3)).await;
    while Instant::now() < end {
        stage.resume_workers(false)?;
        let worker = random.below(stage.workers());
        match random.below(20) {
            0..7 => {
                let after = millis(&mut random, 0, 1000);
                stage.kill_worker(worker, after).await?;
            }
            7..10 => {
                let during = TIMEOUT + millis(&mut random, 500, 6000);
                stage.stop_worker(worker, during)?;
            }
            10..12 => {
                // Shorter than the lease: nothing may happen.
                let during = millis(&mut random, 100, 2000);
                stage.stop_worker(worker, during)?;
            }
            12 => {
                let after = millis(&mut random, 0, 2000);
                stage.restart_server(true, after).await?;
            }
            13 => {
                let after = millis(&mut random, 0, 2000);
                stage.restart_server(false, after).await?;
            }
            _ => {
                let fault = fault(&mut random);
                stage.inject(&fault).await?;
            }
        }
        sleep(millis(&mut random, 100, 1500)).await;
    }
    Ok(())
}

fn millis(random: &mut Random, low: i64, high: i64) -> Duration {
    Duration::from_millis(random.between(low, high) as u64)
}

/// Some trouble that ends by itself after some requests.
fn fault(random: &mut Random) -> Value {
    let operation = *random.pick(&[
        "HeartBeat",
        "HeartBeat",
        "UpdateCheckPoint",
        "PullLogs",
        "PutLogs",
        "GetCheckPoint",
    ]);
    let times = random.between(1, 20);
    match random.below(6) {
        0 => json!({"effect": "refuse", "status": 500, "code": "InternalServerError",
            "operation": operation, "times": times}),
        1 => json!({"effect": "refuse", "status": 403, "code": "ReadQuotaExceed",
            "operation": "PullLogs", "times": times}),
        2 => json!({"effect": "delay", "delay_ms": random.between(100, 4000),
            "operation": operation, "times": times}),
        3 => json!({"effect": "cut_before", "operation": operation, "times": times}),
        4 => json!({"effect": "cut_after", "operation": operation, "times": times}),
        _ => json!({"effect": "drip", "bytes": 1000, "pause_ms": 2,
            "operation": "PullLogs", "times": times}),
    }
}
