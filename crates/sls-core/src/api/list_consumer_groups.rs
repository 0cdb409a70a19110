use http::Method;

use super::{ApiReply, ApiRequest, InvalidReply, Name, Operation, Sealed};
use crate::model::ConsumerGroup;

/// Lists the consumer groups of a logstore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListConsumerGroups {
    project: String,
    logstore: String,
}

impl ListConsumerGroups {
    /// Asks for the groups of one logstore.
    pub fn new(project: impl Into<String>, logstore: impl Into<String>) -> Self {
        Self {
            project: project.into(),
            logstore: logstore.into(),
        }
    }
}

impl Sealed for ListConsumerGroups {}

impl Operation for ListConsumerGroups {
    type Reply = Vec<ConsumerGroup>;
    const NAME: &'static str = "ListConsumerGroup";

    fn project(&self) -> &str {
        &self.project
    }

    fn resource(&self) -> String {
        format!("{}/{}", self.project, self.logstore)
    }

    fn encode(&self) -> ApiRequest {
        let path = format!("/logstores/{}/consumergroups", Name(&self.logstore));
        ApiRequest::new(Method::GET, path)
    }

    fn decode(&self, reply: &ApiReply) -> Result<Vec<ConsumerGroup>, InvalidReply> {
        reply.json()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::testing::{check_invalid, ok};

    #[test]
    fn the_answer_is_a_bare_list_whose_groups_have_a_name() {
        let list = ListConsumerGroups::new("p", "l");
        let groups = list.read(&ok(r#"[{"name":"g","timeout":40}]"#)).unwrap();
        assert_eq!(groups[0].name, "g");
        assert!(!groups[0].in_order);
        check_invalid(&list, &ok(r#"[{"timeout":40,"order":true}]"#));
        check_invalid(&list, &ok(r#"{"name":"g","timeout":40}"#));
    }
}
