package main

import (
	sls "github.com/aliyun/aliyun-log-go-sdk"
)

// Input: {"key": HASH KEY}. Result: shard 0 split there and its children merged; what each
// call gave and what was listed after it.
func shards(s *session, _ []string) (any, error) {
	var asked struct {
		Key string `json:"key"`
	}
	if err := input(&asked); err != nil {
		return nil, err
	}
	found := map[string]any{}
	list := func(step string) error {
		listed, err := s.client.ListShards(s.project, s.logstore)
		found[step] = short(listed)
		return err
	}
	split, err := s.client.SplitShard(s.project, s.logstore, 0, asked.Key)
	if err != nil {
		return nil, err
	}
	found["split"] = short(split)
	if err := list("after_split"); err != nil {
		return nil, err
	}
	_, err = s.client.SplitShard(s.project, s.logstore, 0, asked.Key)
	if found["split_closed"], err = refused(err); err != nil {
		return nil, err
	}
	merged, err := s.client.MergeShards(s.project, s.logstore, split[1].ShardID)
	if err != nil {
		return nil, err
	}
	found["merge"] = short(merged)
	return found, list("after_merge")
}

func short(listed []*sls.Shard) [][4]any {
	found := [][4]any{}
	for _, shard := range listed {
		found = append(found, [4]any{
			shard.ShardID, shard.Status, shard.InclusiveBeginKey, shard.ExclusiveBeginKey,
		})
	}
	return found
}
