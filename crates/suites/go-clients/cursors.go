package main

import (
	"fmt"
	"strconv"
	"time"
)

// Input: seconds since 1970. Result: cursors and times of shard 0.
func cursors(s *session, _ []string) (any, error) {
	var seconds []int64
	if err := input(&seconds); err != nil {
		return nil, err
	}
	cursor := func(from string) (string, error) {
		return s.client.GetCursor(s.project, s.logstore, 0, from)
	}
	begin, err := cursor("begin")
	if err != nil {
		return nil, err
	}
	end, err := cursor("end")
	if err != nil {
		return nil, err
	}
	at := []string{}
	for _, second := range seconds {
		one, err := cursor(strconv.FormatInt(second, 10))
		if err != nil {
			return nil, err
		}
		at = append(at, one)
	}
	first, err := s.client.GetCursorTime(s.project, s.logstore, 0, begin)
	if err != nil {
		return nil, err
	}
	// Not in the interface.
	whole, is := s.client.(interface {
		GetPrevCursorTime(string, string, int, string) (time.Time, error)
	})
	if !is {
		return nil, fmt.Errorf("%T has no GetPrevCursorTime", s.client)
	}
	last, err := whole.GetPrevCursorTime(s.project, s.logstore, 0, end)
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"begin":           begin,
		"end":             end,
		"at":              at,
		"begin_time":      first.Unix(),
		"previous_of_end": last.Unix(),
	}, nil
}
