package main

import (
	"fmt"
	"strconv"
	"sync"

	sls "github.com/aliyun/aliyun-log-go-sdk"
	"github.com/aliyun/aliyun-log-go-sdk/producer"
	"github.com/go-kit/kit/log"
)

// Counts what the producer says about its logs.
type outcomes struct {
	lock sync.Mutex
	// One for each log whose callback was not made yet.
	open      sync.WaitGroup
	Delivered int `json:"delivered"`
	Refused   int `json:"refused"`
	// The most attempts that one log took.
	Attempts int `json:"attempts"`
	// The code of the last refusal, and how long its request id is.
	Code string `json:"code"`
	ID   int    `json:"request_id"`
}

func (o *outcomes) Success(result *producer.Result) {
	o.lock.Lock()
	defer o.lock.Unlock()
	defer o.open.Done()
	o.Delivered++
	o.Attempts = max(o.Attempts, len(result.GetReservedAttempts()))
}

func (o *outcomes) Fail(result *producer.Result) {
	o.lock.Lock()
	defer o.lock.Unlock()
	defer o.open.Done()
	o.Refused++
	o.Attempts = max(o.Attempts, len(result.GetReservedAttempts()))
	o.Code, o.ID = result.GetErrorCode(), len(result.GetRequestId())
}

// Input: {"logs": N, "topics": [..], "with": COMPRESSION, "linger_ms": N, "batch": N,
// "keys": [..], "wait": BOOLEAN}. Sends the logs 0 to N to the topics in turns, by the keys in
// turns if there are any, waits for the callbacks if it should, and closes the producer, which
// makes the others. Result: what the callbacks said.
func produce(s *session, _ []string) (any, error) {
	var asked struct {
		Logs     int      `json:"logs"`
		Topics   []string `json:"topics"`
		With     string   `json:"with"`
		LingerMs int64    `json:"linger_ms"`
		Batch    int      `json:"batch"`
		Keys     []string `json:"keys"`
		Wait     bool     `json:"wait"`
	}
	if err := input(&asked); err != nil {
		return nil, err
	}
	config := producer.GetDefaultProducerConfig()
	config.Endpoint = s.endpoint
	config.CredentialsProvider = s.credentials
	config.HTTPClient = s.http
	config.AuthVersion = s.version
	config.Region = s.region
	config.LingerMs = asked.LingerMs
	config.MaxBatchCount = asked.Batch
	config.CompressType = compressions[asked.With]
	config.GeneratePackId = true
	config.DisableRuntimeMetrics = true
	config.Logger = log.NewNopLogger()
	sender, err := producer.NewProducer(config)
	if err != nil {
		return nil, err
	}
	sender.Start()
	outcomes := &outcomes{}
	outcomes.open.Add(asked.Logs)
	for number := 0; number < asked.Logs; number++ {
		topic := asked.Topics[number%len(asked.Topics)]
		log := producer.GenerateLog(uint32(firstSecond+number), map[string]string{
			"number":  strconv.Itoa(number),
			"message": "付款 ✅",
		})
		if len(asked.Keys) > 0 {
			key := asked.Keys[number%len(asked.Keys)]
			err = sender.HashSendLogWithCallBack(
				s.project, s.logstore, key, topic, source, log, outcomes)
		} else if number%2 == 0 {
			err = sender.SendLogWithCallBack(s.project, s.logstore, topic, source, log, outcomes)
		} else {
			err = sender.SendLogListWithCallBack(
				s.project, s.logstore, topic, source, []*sls.Log{log}, outcomes)
		}
		if err != nil {
			return nil, fmt.Errorf("log %d: %w", number, err)
		}
	}
	if asked.Wait {
		outcomes.open.Wait()
	}
	sender.SafeClose()
	outcomes.open.Wait()
	return outcomes, nil
}

const (
	firstSecond = 1_700_000_000
	source      = "10.0.0.2"
)
