using Spikeformer.ObjectStore;
using Xunit;

namespace Spikeformer.Grains.Tests.ObjectStore;

public sealed class S3AddressTests
{
    [Theory]
    [InlineData("s3://bucket", "bucket", "", "s3://bucket")]
    [InlineData("s3://my-bucket.1/", "my-bucket.1", "", "s3://my-bucket.1")]
    [InlineData("S3://bucket/runs", "bucket", "runs/", "s3://bucket/runs")]
    [InlineData("s3://bucket/a_b/C.d/", "bucket", "a_b/C.d/", "s3://bucket/a_b/C.d")]
    public void An_address_is_a_bucket_and_a_prefix(string text, string bucket, string prefix, string plain)
    {
        S3Address address = S3Address.Parse(text);
        Assert.Equal((bucket, prefix, plain), (address.Bucket, address.Prefix, address.ToString()));
        Assert.Equal(plain + "/run", address.Below("run").ToString());
    }

    [Theory]
    [InlineData("s3://")]
    [InlineData("s3:///runs")]
    [InlineData("s3://ab")]
    [InlineData("s3://Bucket")]
    [InlineData("s3://bucket-")]
    [InlineData("s3://bucket/a//b")]
    [InlineData("s3://bucket/../b")]
    [InlineData("s3://bucket/a b")]
    [InlineData("s3://bucket/a?b")]
    [InlineData("s3://key@bucket/a")]
    [InlineData("/bucket/a")]
    public void Anything_else_is_refused(string text)
    {
        var error = Assert.Throws<SpikeformerException>(() => S3Address.Parse(text));
        Assert.Equal((ErrorKind.Usage, true), (error.Kind, error.Message.Contains($"'{text}'", StringComparison.Ordinal)));
    }
}
