//! A client for Alibaba Cloud Simple Log Service (SLS)
