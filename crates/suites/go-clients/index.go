package main

import (
	"encoding/json"

	sls "github.com/aliyun/aliyun-log-go-sdk"
)

// Input: two index configurations. Result: what each step of making, changing and deleting
// them was told, and what was read between them.
func index(s *session, _ []string) (any, error) {
	var asked [2]sls.Index
	if err := input(&asked); err != nil {
		return nil, err
	}
	found := map[string]any{}
	var steps []error
	code := func(step string, err error) {
		refusal, failure := refused(err)
		found[step] = refusal
		steps = append(steps, failure)
	}
	read := func(step string) {
		text, err := s.client.GetIndexString(s.project, s.logstore)
		steps = append(steps, err)
		if err == nil {
			found[step] = json.RawMessage(text)
		}
	}
	_, err := s.client.GetIndex(s.project, s.logstore)
	code("get_before", err)
	code("create", s.client.CreateIndex(s.project, s.logstore, asked[0]))
	read("created")
	code("create_again", s.client.CreateIndex(s.project, s.logstore, asked[0]))
	code("update", s.client.UpdateIndex(s.project, s.logstore, asked[1]))
	read("changed")
	code("delete", s.client.DeleteIndex(s.project, s.logstore))
	_, err = s.client.GetIndex(s.project, s.logstore)
	code("get_after", err)
	for _, failure := range steps {
		if failure != nil {
			return nil, failure
		}
	}
	return found, nil
}
