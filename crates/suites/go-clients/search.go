package main

import (
	"encoding/json"
	"fmt"

	sls "github.com/aliyun/aliyun-log-go-sdk"
)

type question struct {
	Way     string `json:"way"`
	Query   string `json:"query"`
	Topic   string `json:"topic"`
	Line    int64  `json:"line"`
	Offset  int64  `json:"offset"`
	Reverse bool   `json:"reverse"`
}

type asked struct {
	From      int64      `json:"from"`
	To        int64      `json:"to"`
	Questions []question `json:"questions"`
}

// What a question found.
type told struct {
	Complete bool                `json:"complete"`
	Count    int64               `json:"count"`
	Logs     []map[string]string `json:"logs"`
}

// Input: {"from": S, "to": S, "questions": [{"way", "query", "topic", "line", "offset",
// "reverse"}]}. Result: for each whether the answer is complete, its count and its logs.
func search(s *session, _ []string) (any, error) {
	var asked asked
	if err := input(&asked); err != nil {
		return nil, err
	}
	found := []told{}
	for _, question := range asked.Questions {
		one, err := s.ask(asked.From, asked.To, question)
		if err != nil {
			return nil, fmt.Errorf("%s %q: %w", question.Way, question.Query, err)
		}
		found = append(found, one)
	}
	return found, nil
}

func (s *session) ask(from, to int64, asked question) (told, error) {
	request := &sls.GetLogRequest{
		From: from, To: to, Topic: asked.Topic, Lines: asked.Line, Offset: asked.Offset,
		Reverse: asked.Reverse, Query: asked.Query,
	}
	if asked.Way == "zstd" {
		request.CompressType = sls.Compress_ZSTD
	}
	switch asked.Way {
	case "plain":
		answer, err := s.client.GetLogs(s.project, s.logstore, asked.Topic, from, to,
			asked.Query, asked.Line, asked.Offset, asked.Reverse)
		if err != nil {
			return told{}, err
		}
		return told{answer.IsComplete(), answer.Count, answer.Logs}, nil
	case "v2":
		answer, err := s.client.GetLogsV2(s.project, s.logstore, request)
		if err != nil {
			return told{}, err
		}
		return told{answer.IsComplete(), answer.Count, answer.Logs}, nil
	case "v3", "zstd":
		answer, err := s.client.GetLogsV3(s.project, s.logstore, request)
		if err != nil {
			return told{}, err
		}
		return told{answer.IsComplete(), answer.Meta.Count, answer.Logs}, nil
	case "completed":
		answer, err := s.client.GetLogsToCompletedV2(s.project, s.logstore, request)
		if err != nil {
			return told{}, err
		}
		return told{answer.IsComplete(), answer.Count, answer.Logs}, nil
	case "lines":
		answer, err := s.client.GetLogLinesV2(s.project, s.logstore, request)
		if err != nil {
			return told{}, err
		}
		logs := []map[string]string{}
		for _, line := range answer.Lines {
			log := map[string]string{}
			if err := json.Unmarshal(line, &log); err != nil {
				return told{}, err
			}
			logs = append(logs, log)
		}
		return told{answer.IsComplete(), answer.Count, logs}, nil
	default:
		return told{}, fmt.Errorf("there is no such way")
	}
}

// Input: as of search, of which query and topic count. Result: for each question whether the
// answer is complete, its count, and from, to and count of each part.
func histograms(s *session, _ []string) (any, error) {
	var asked asked
	if err := input(&asked); err != nil {
		return nil, err
	}
	found := []any{}
	for _, question := range asked.Questions {
		answer, err := s.client.GetHistograms(
			s.project, s.logstore, question.Topic, asked.From, asked.To, question.Query,
		)
		if err != nil {
			return nil, err
		}
		parts := [][3]int64{}
		for _, part := range answer.Histograms {
			parts = append(parts, [3]int64{part.From, part.To, part.Count})
		}
		found = append(found, map[string]any{
			"complete": answer.IsComplete(), "count": answer.Count, "parts": parts,
		})
	}
	return found, nil
}
