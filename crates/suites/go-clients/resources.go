package main

import (
	sls "github.com/aliyun/aliyun-log-go-sdk"
)

// Result: what each step was told of a project and a logstore, from making to deleting.
func resources(s *session, _ []string) (any, error) {
	found := map[string]any{}
	var failures []error
	note := func(step string, told any, err error) {
		found[step] = told
		failures = append(failures, err)
	}
	code := func(step string, err error) {
		told, err := refused(err)
		note(step, told, err)
	}
	project := func(step string) {
		told, err := s.client.GetProject(s.project)
		if err != nil {
			note(step, nil, err)
			return
		}
		note(step, []string{told.Name, told.Description, told.Status}, nil)
	}
	logstore := func(step string) {
		told, err := s.client.GetLogStore(s.project, s.logstore)
		if err != nil {
			note(step, nil, err)
			return
		}
		note(step, []any{
			told.Name, told.TTL, told.ShardCount, told.AutoSplit, told.MaxSplitShard,
			told.WebTracking,
		}, nil)
	}

	exists, err := s.client.CheckProjectExist(s.project)
	note("project_before", exists, err)
	_, err = s.client.CreateProject(s.project, "made by a client")
	code("project_create", err)
	project("project")
	_, err = s.client.UpdateProject(s.project, "changed by a client")
	code("project_update", err)
	project("project_changed")
	names, count, total, err := s.client.ListProjectV2(0, 500)
	if err == nil {
		mine := 0
		for _, one := range names {
			if one.Name == s.project {
				mine++
			}
		}
		note("projects", []any{mine, count == len(names), total == len(names)}, nil)
	} else {
		note("projects", nil, err)
	}

	code("logstore_create", s.client.CreateLogStore(s.project, s.logstore, 7, 3, true, 16))
	code("logstore_again", s.client.CreateLogStore(s.project, s.logstore, 7, 3, true, 16))
	logstore("logstore")
	code("logstore_update", s.client.UpdateLogStoreV2(s.project, &sls.LogStore{
		Name: s.logstore, TTL: 14, ShardCount: 3, AutoSplit: true, MaxSplitShard: 16,
		WebTracking: true,
	}))
	logstore("logstore_changed")
	listed, err := s.client.ListLogStore(s.project)
	note("logstores", listed, err)
	exists, err = s.client.CheckLogstoreExist(s.project, s.logstore)
	note("logstore_exists", exists, err)
	code("logstore_delete", s.client.DeleteLogStore(s.project, s.logstore))
	_, err = s.client.GetLogStore(s.project, s.logstore)
	code("logstore_after", err)
	code("project_delete", s.client.DeleteProject(s.project))
	_, err = s.client.GetProject(s.project)
	code("project_after", err)
	for _, failure := range failures {
		if failure != nil {
			return nil, failure
		}
	}
	return found, nil
}
