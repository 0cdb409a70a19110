package main

import (
	"errors"
	"fmt"
	"os"

	sls "github.com/aliyun/aliyun-log-go-sdk"
)

// Input: the name of a call. Result: the client's error about its refusal.
func refusal(s *session, _ []string) (any, error) {
	var name string
	if err := input(&name); err != nil {
		return nil, err
	}
	call, known := refusedCalls[name]
	if !known {
		return nil, fmt.Errorf("there is no call %q", name)
	}
	var refusal *sls.Error
	if err := call(s); !errors.As(err, &refusal) {
		return nil, fmt.Errorf("was not refused: %v", err)
	}
	return map[string]any{
		"status":     refusal.HTTPCode,
		"code":       refusal.Code,
		"message":    refusal.Message,
		"request_id": refusal.RequestID,
	}, nil
}

var refusedCalls = map[string]func(*session) error{
	"wrong_secret": func(s *session) error {
		return listedBy(s, os.Getenv("ALIBABA_CLOUD_ACCESS_KEY_ID"), "not-the-secret", "")
	},
	"unknown_key": func(s *session) error {
		return listedBy(s, "nobody", os.Getenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET"), "")
	},
	"wrong_token": func(s *session) error {
		return listedBy(s, os.Getenv("ALIBABA_CLOUD_ACCESS_KEY_ID"),
			os.Getenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET"), "not-the-token")
	},
	"no_token": func(s *session) error {
		return listedBy(s, os.Getenv("ALIBABA_CLOUD_ACCESS_KEY_ID"),
			os.Getenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET"), "")
	},
	"broken_spl": func(s *session) error {
		cursor, err := s.client.GetCursor(s.project, s.logstore, 0, "begin")
		if err != nil {
			return err
		}
		_, _, err = s.client.PullLogsWithQuery(&sls.PullLogRequest{
			Project: s.project, Logstore: s.logstore, Cursor: cursor, LogGroupMaxCount: 1,
			Query: "* | where cast(cdn_in as) > 70",
		})
		return err
	},
	"missing_logstore": func(s *session) error {
		_, err := s.client.ListShards(s.project, "missing")
		return err
	},
	"missing_project": func(s *session) error {
		_, err := s.client.GetProject("missing")
		return err
	},
	"existing_logstore": func(s *session) error {
		return s.client.CreateLogStore(s.project, s.logstore, 1, 1, false, 1)
	},
}

func listedBy(s *session, id, secret, token string) error {
	client := s.connect(sls.NewStaticCredentialsProvider(id, secret, token))
	_, err := client.ListShards(s.project, s.logstore)
	return err
}
