//! The vocabulary of Alibaba Cloud Simple Log Service: model, wire format, signatures, operations
