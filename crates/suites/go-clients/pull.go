package main

import (
	sls "github.com/aliyun/aliyun-log-go-sdk"
)

// What was pulled from one shard.
type pulled struct {
	Groups []group `json:"groups"`
	// The cursor of each group, empty where the client does not know it.
	Cursors []string `json:"cursors"`
	// How many lines a query saw and kept.
	LinesSeen int `json:"lines_seen"`
	LinesKept int `json:"lines_kept"`
}

// Input: {"with": COMPRESSION, "query": TEXT OR NULL, "count": N}. Result: each shard to its end.
func pull(s *session, _ []string) (any, error) {
	var asked struct {
		With  string `json:"with"`
		Query string `json:"query"`
		Count int    `json:"count"`
	}
	if err := input(&asked); err != nil {
		return nil, err
	}
	listed, err := s.client.ListShards(s.project, s.logstore)
	if err != nil {
		return nil, err
	}
	found := []pulled{}
	for _, shard := range listed {
		cursor, err := s.client.GetCursor(s.project, s.logstore, shard.ShardID, "begin")
		if err != nil {
			return nil, err
		}
		one, err := s.toItsEnd(&sls.PullLogRequest{
			Project:          s.project,
			Logstore:         s.logstore,
			ShardID:          shard.ShardID,
			Cursor:           cursor,
			LogGroupMaxCount: asked.Count,
			Query:            asked.Query,
			CompressType:     compressions[asked.With],
		})
		if err != nil {
			return nil, err
		}
		found = append(found, one)
	}
	return found, nil
}

func (s *session) toItsEnd(request *sls.PullLogRequest) (pulled, error) {
	found := pulled{Groups: []group{}, Cursors: []string{}}
	for {
		list, meta, err := s.client.PullLogsWithQuery(request)
		if err != nil {
			return found, err
		}
		for _, message := range list.LogGroups {
			found.Groups = append(found.Groups, shown(message))
			found.Cursors = append(found.Cursors, message.GetCursor())
		}
		found.LinesSeen += meta.LinesBeforeQuery
		found.LinesKept += meta.Lines
		if meta.NextCursor == request.Cursor {
			return found, nil
		}
		request.Cursor = meta.NextCursor
	}
}
