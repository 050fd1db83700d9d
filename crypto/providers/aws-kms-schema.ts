import { z } from 'zod';

/**
 * What a tenant gives for kind `aws-kms`: a key of its own account, whose policy lets the house use it. The house calls
 * AWS's own endpoint of the region, with its own credentials from the environment.
 */
export const awsKmsInput = z.strictObject({
  kind: z.literal('aws-kms'),
  /** ARN of a symmetric key; its region is the one that is called. */
  keyArn: z
    .string()
    .max(300)
    .regex(/^arn:aws(-[a-z]+)*:kms:[a-z]{2}(-[a-z]+)+-\d:\d{12}:key\/[A-Za-z0-9-]{1,100}$/),
});
/** See {@link awsKmsInput}; nothing is added to it. */
export type AwsKmsConfiguration = z.output<typeof awsKmsInput>;

/** The region that an ARN of {@link awsKmsInput} names. */
export const regionOf = (keyArn: string): string => keyArn.split(':')[3] ?? '';
