package main

import (
	"fmt"
)

// Input: {"from": S, "to": S, "query": TEXT, "back": N, "forward": N}. Result: the field
// `number` of the neighbours of the one log that the query finds, with their distances.
func context(s *session, _ []string) (any, error) {
	var asked struct {
		From    int64  `json:"from"`
		To      int64  `json:"to"`
		Query   string `json:"query"`
		Back    int32  `json:"back"`
		Forward int32  `json:"forward"`
	}
	if err := input(&asked); err != nil {
		return nil, err
	}
	found, err := s.client.GetLogs(s.project, s.logstore, "", asked.From, asked.To,
		asked.Query+"|with_pack_meta", 2, 0, false)
	if err != nil {
		return nil, err
	}
	if len(found.Logs) != 1 {
		return nil, fmt.Errorf("%d logs answer %q", len(found.Logs), asked.Query)
	}
	place := found.Logs[0]
	// A method of the logstore only.
	logstore, err := s.client.GetLogStore(s.project, s.logstore)
	if err != nil {
		return nil, err
	}
	around, err := logstore.GetContextLogs(asked.Back, asked.Forward,
		place["__tag__:__pack_id__"], place["__pack_meta__"])
	if err != nil {
		return nil, err
	}
	numbers := [][2]string{}
	for _, log := range around.Logs {
		numbers = append(numbers, [2]string{log["__index_number__"], log["number"]})
	}
	return map[string]any{"complete": around.IsComplete(), "logs": numbers}, nil
}
