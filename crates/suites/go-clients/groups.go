package main

import (
	"encoding/json"
	"unicode/utf8"

	sls "github.com/aliyun/aliyun-log-go-sdk"
)

// Log groups as the suites write them in JSON. Text is a string, or a list of byte values
// where it is not UTF-8; what is absent on the wire is null.
type group struct {
	Topic  *text     `json:"topic"`
	Source *text     `json:"source"`
	Tags   [][2]text `json:"tags"`
	Logs   []entry   `json:"logs"`
}

type entry struct {
	Time     uint32    `json:"time"`
	TimeNs   *uint32   `json:"time_ns"`
	Contents [][2]text `json:"contents"`
}

type text string

func (t text) MarshalJSON() ([]byte, error) {
	if utf8.ValidString(string(t)) {
		return json.Marshal(string(t))
	}
	values := make([]int, len(t))
	for at := range values {
		values[at] = int(t[at])
	}
	return json.Marshal(values)
}

func (t *text) UnmarshalJSON(given []byte) error {
	var values []byte
	if len(given) > 0 && given[0] == '[' {
		var numbers []int
		if err := json.Unmarshal(given, &numbers); err != nil {
			return err
		}
		for _, number := range numbers {
			values = append(values, byte(number))
		}
		*t = text(values)
		return nil
	}
	return json.Unmarshal(given, (*string)(t))
}

func (g group) message() *sls.LogGroup {
	message := &sls.LogGroup{Topic: (*string)(g.Topic), Source: (*string)(g.Source)}
	for _, tag := range g.Tags {
		key, value := string(tag[0]), string(tag[1])
		message.LogTags = append(message.LogTags, &sls.LogTag{Key: &key, Value: &value})
	}
	for _, entry := range g.Logs {
		time := entry.Time
		log := &sls.Log{Time: &time, TimeNs: entry.TimeNs}
		for _, content := range entry.Contents {
			key, value := string(content[0]), string(content[1])
			log.Contents = append(log.Contents, &sls.LogContent{Key: &key, Value: &value})
		}
		message.Logs = append(message.Logs, log)
	}
	return message
}

func shown(message *sls.LogGroup) group {
	found := group{
		Topic:  (*text)(message.Topic),
		Source: (*text)(message.Source),
		Tags:   [][2]text{},
		Logs:   []entry{},
	}
	for _, tag := range message.LogTags {
		found.Tags = append(found.Tags, [2]text{text(tag.GetKey()), text(tag.GetValue())})
	}
	for _, log := range message.Logs {
		entry := entry{Time: log.GetTime(), TimeNs: log.TimeNs, Contents: [][2]text{}}
		for _, content := range log.Contents {
			pair := [2]text{text(content.GetKey()), text(content.GetValue())}
			entry.Contents = append(entry.Contents, pair)
		}
		found.Logs = append(found.Logs, entry)
	}
	return found
}
