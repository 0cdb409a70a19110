package main

import (
	"fmt"

	sls "github.com/aliyun/aliyun-log-go-sdk"
)

var compressions = map[string]int{
	"lz4":   sls.Compress_LZ4,
	"zstd":  sls.Compress_ZSTD,
	"plain": sls.Compress_None,
}

// Input: {"with": COMPRESSION, "puts": [{"group": GROUP, "key": HASH KEY OR NULL}]}.
func put(s *session, _ []string) (any, error) {
	var asked struct {
		With string `json:"with"`
		Puts []struct {
			Group group   `json:"group"`
			Key   *string `json:"key"`
		} `json:"puts"`
	}
	if err := input(&asked); err != nil {
		return nil, err
	}
	compression, known := compressions[asked.With]
	if !known {
		return nil, fmt.Errorf("no compression %q", asked.With)
	}
	for _, put := range asked.Puts {
		message := put.Group.message()
		var err error
		if put.Key == nil {
			err = s.client.PutLogsWithCompressType(s.project, s.logstore, message, compression)
		} else {
			err = s.client.PostLogStoreLogsV2(s.project, s.logstore, &sls.PostLogStoreLogsRequest{
				LogGroup:     message,
				HashKey:      put.Key,
				CompressType: compression,
			})
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, nil
}
