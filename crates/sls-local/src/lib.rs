//! A local server that speaks the protocol of Alibaba Cloud Simple Log Service, for development and tests
