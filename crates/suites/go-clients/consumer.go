package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	sls "github.com/aliyun/aliyun-log-go-sdk"
	consumerLibrary "github.com/aliyun/aliyun-log-go-sdk/consumer"
	"github.com/go-kit/kit/log"
)

const (
	// In seconds; a member that is silent for the second has left.
	heartbeat, timeout = 1, 2
	// Small pulls that take their time, so that a member can be killed between two of them.
	groupsOfPull = 2
	work         = 50 * time.Millisecond
)

// A member of a consumer group: `consumer GROUP NAME [QUERY]`.
//
// It prints a line {"shard": 0, "numbers": [..]} about each pull, with the field `number` of
// its logs, and saves the checkpoint after that, so what a checkpoint covers was told. It
// leaves the group when standard input is closed.
func consume(s *session, args []string) (any, error) {
	if len(args) < 2 {
		return nil, fmt.Errorf("which group and which name?")
	}
	config := consumerLibrary.LogHubConfig{
		Endpoint:                  s.endpoint,
		CredentialsProvider:       s.credentials,
		Project:                   s.project,
		Logstore:                  s.logstore,
		ConsumerGroupName:         args[0],
		ConsumerName:              args[1],
		CursorPosition:            consumerLibrary.BEGIN_CURSOR,
		HeartbeatIntervalInSecond: heartbeat,
		HeartbeatTimeoutInSecond:  timeout,
		DataFetchIntervalInMs:     100,
		MaxFetchLogGroupCount:     groupsOfPull,
		HTTPClient:                s.http,
		AuthVersion:               s.version,
		Region:                    s.region,
		Logger:                    log.NewNopLogger(),
		DisableRuntimeMetrics:     true,
	}
	if len(args) > 2 {
		config.Query = args[2]
	}
	worker := consumerLibrary.InitConsumerWorkerWithCheckpointTracker(config, process)
	worker.Start()
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return nil, err
	}
	worker.StopAndWait()
	return nil, nil
}

func process(
	shard int, list *sls.LogGroupList, tracker consumerLibrary.CheckPointTracker,
) (string, error) {
	numbers := []int{}
	for _, group := range list.LogGroups {
		for _, log := range group.Logs {
			for _, content := range log.Contents {
				if content.GetKey() != "number" {
					continue
				}
				number, err := strconv.Atoi(content.GetValue())
				if err != nil {
					return "", err
				}
				numbers = append(numbers, number)
			}
		}
	}
	if len(numbers) > 0 {
		time.Sleep(work)
		line, err := json.Marshal(map[string]any{"shard": shard, "numbers": numbers})
		if err != nil {
			return "", err
		}
		// One write, since two shards may be processed at once.
		if _, err := os.Stdout.Write(append(line, '\n')); err != nil {
			return "", err
		}
	}
	return "", tracker.SaveCheckPoint(true)
}
