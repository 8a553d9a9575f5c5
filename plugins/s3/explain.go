package main

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"net/url"

	"github.com/minio/minio-go/v7"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

// explain says what a person can do about an error. What only a person can cure is
// not tried again by itself.
func explain(ctx context.Context, err error, s Settings) error {
	if err == nil {
		return nil
	}
	if _, told := errors.AsType[*sdk.Error](err); told {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	host := s.Endpoint
	if u, parseErr := url.Parse(s.Endpoint); parseErr == nil {
		host = u.Host
	}
	out := &sdk.Error{
		Code: "destination", Detail: "deliver to bucket " + s.Bucket + " at " + host + ": " + err.Error(), Temporary: true,
		Remedy: "see whether " + s.Endpoint + " answers; the delivery is tried again by itself",
	}
	if _, bad := errors.AsType[*tls.CertificateVerificationError](err); bad {
		out.Temporary = false
		out.Remedy = "the store's certificate is not one to trust; where an authority of your own signed it, give that as ca"
	}
	if answer, ok := errors.AsType[minio.ErrorResponse](err); ok {
		explainAnswer(answer, s, out)
	}
	return out
}

func explainAnswer(e minio.ErrorResponse, s Settings, out *sdk.Error) {
	switch e.Code {
	case "InvalidAccessKeyId", "SignatureDoesNotMatch":
		out.Temporary = false
		out.Remedy = "see whether accessKey " + s.AccessKey + " and its secretKey are right, then retry the job"
	case "AccessDenied":
		out.Temporary = false
		out.Remedy = "let the access key " + s.AccessKey + " do s3:GetObject and s3:PutObject on " + s.Bucket + "/" + s.prefix() + "* and s3:ListBucket on " + s.Bucket + ", then retry the job"
	case "NoSuchBucket":
		out.Temporary = false
		out.Remedy = "make the bucket " + s.Bucket + ", or set the right name, then retry the job"
	case "AuthorizationHeaderMalformed", "PermanentRedirect", "TemporaryRedirect", "IllegalLocationConstraintException", "InvalidRegion":
		out.Temporary = false
		out.Remedy = "set region, and the endpoint of that region, to those of the bucket, then retry the job"
	case "RequestTimeTooSkewed":
		out.Remedy = "set the clock of this server or of the store right"
	case "EntityTooLarge":
		out.Temporary = false
		out.Remedy = "raise the largest upload that the store, or a proxy before it, lets through; then retry the job"
	case "QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded":
		out.Remedy = "make room in the bucket, or raise its quota"
	default:
		if e.StatusCode == http.StatusInsufficientStorage {
			out.Remedy = "make room in the store"
		}
	}
}
