//! Parser and evaluator for SPL, the pipeline language of Alibaba Cloud Simple Log Service
